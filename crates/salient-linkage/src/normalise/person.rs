//! Names of people.

use super::words;

/// Words before a name that are not part of it.
const TITLES: &[&str] = &[
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "dr",
    "prof",
    "professor",
    "sir",
    "dame",
    "herr",
    "frau",
    "hr",
    "fr",
    "dipl",
    "ing",
    "mag",
    "mme",
    "mlle",
    "sr",
    "sra",
    "sig",
    "dott",
    "dhr",
    "mevr",
    "rev",
    "hon",
    "madam",
];

/// Words after a name that are not part of it.
const SUFFIXES: &[&str] =
    &["jr", "sr", "junior", "senior", "ii", "iii", "iv", "phd", "md", "esq", "mba", "msc", "bsc", "cpa"];

/// Words that belong to the family name after them.
const PARTICLES: &[&str] = &[
    "van", "von", "vom", "zu", "zur", "de", "den", "der", "del", "della", "di", "da", "dos", "das", "do",
    "du", "la", "le", "el", "al", "bin", "ibn", "ben", "ter", "ten", "st", "mac", "mc", "te",
];

/// Short forms of given names: the names of a line count as alike. Common English ones; elsewhere a
/// prefix (Max, Maximilian) is alike without a table.
const SHORT_FORMS: &[&[&str]] = &[
    &["robert", "bob", "rob", "bobby", "robbie"],
    &["william", "bill", "will", "billy", "liam"],
    &["richard", "dick", "rick", "rich"],
    &["james", "jim", "jimmy", "jamie"],
    &["john", "jack", "johnny", "jon", "jonathan"],
    &["edward", "ted", "ed", "eddie", "ned"],
    &["charles", "chuck", "charlie"],
    &["henry", "harry", "hank"],
    &["michael", "mike", "mick"],
    &["thomas", "tom", "tommy"],
    &["joseph", "joe", "joey"],
    &["anthony", "tony"],
    &["andrew", "andy", "drew"],
    &["matthew", "matt"],
    &["stephen", "steven", "steve"],
    &["nicholas", "nick", "nicolas"],
    &["alexander", "alex", "sandy", "sasha", "xander"],
    &["christopher", "chris", "kit"],
    &["daniel", "dan", "danny"],
    &["david", "dave"],
    &["lawrence", "larry", "laurence"],
    &["gerald", "gerry", "jerry"],
    &["elizabeth", "liz", "beth", "betty", "eliza", "lisa", "libby"],
    &["margaret", "maggie", "meg", "peggy", "greta"],
    &["catherine", "katherine", "kate", "kathy", "cathy", "katie"],
    &["mary", "molly", "polly", "maria", "marie"],
    &["susan", "sue", "susie", "suzanne"],
    &["patricia", "pat", "patty", "tricia"],
    &["jennifer", "jen", "jenny"],
    &["deborah", "debbie", "deb"],
    &["rebecca", "becky", "becca"],
    &["dorothy", "dot", "dolly"],
    &["ann", "anne", "anna", "nancy", "annie"],
    &["martha", "patty"],
    &["sarah", "sally", "sara"],
    &["theresa", "teresa", "terry", "tess"],
    &["victoria", "vicky", "tori"],
    &["samantha", "sam", "samuel"],
    &["frances", "francis", "frank", "fran", "franklin"],
];

/// Whether two folded given names are short forms of one name.
#[must_use]
pub fn same_short_form(a: &str, b: &str) -> bool {
    SHORT_FORMS.iter().any(|line| line.contains(&a) && line.contains(&b))
}

/// The words of a name without titles before and suffixes after it; at least one word stays.
fn core(text: &str) -> Vec<String> {
    let mut words = words(text);
    while words.len() > 1 && TITLES.contains(&words[0].as_str()) {
        words.remove(0);
    }
    while words.len() > 1 && words.last().is_some_and(|w| SUFFIXES.contains(&w.as_str())) {
        words.pop();
    }
    words
}

/// A given name: folded, without a title. `"Dr. Ana-María"` is `ana maria`.
#[must_use]
pub fn given_name(text: &str) -> Option<String> {
    Some(core(text).join(" ")).filter(|name| !name.is_empty())
}

/// A family name: folded, without a suffix. `"O'Neill Jr."` is `oneill`.
#[must_use]
pub fn family_name(text: &str) -> Option<String> {
    given_name(text)
}

/// Given and family name of a full name, `Given Particle Family` or `Family, Given`; a single word
/// is a family name.
#[must_use]
pub fn full_name(text: &str) -> (Option<String>, Option<String>) {
    if let Some((family, given)) = text.split_once(',') {
        let given_words = core(given);
        if given_words.iter().any(|w| !SUFFIXES.contains(&w.as_str())) {
            return (given_name(given), family_name(family));
        }
        return full_name(family);
    }
    let words = core(text);
    let mut start = words.len().saturating_sub(1);
    while start > 1 && PARTICLES.contains(&words[start - 1].as_str()) {
        start -= 1;
    }
    let join = |part: &[String]| Some(part.join(" ")).filter(|name| !name.is_empty());
    (join(&words[..start]), join(&words[start..]))
}
