//! Words of values and of what is typed, and the variants by which they meet.

use std::collections::BTreeSet;

use salient_linkage::normalise::{company, contact, words};
use sha2::{Digest, Sha256};

use super::{Findable, Found, Nature};

/// Letters of a word that is known without each of its letters; of a longer one by its halves.
pub const LONG: usize = 12;
/// Letters of a word that count.
const LETTERS: usize = 32;
/// Words of a value that count.
const WORDS: usize = 16;
/// Lengths of beginnings by which a word is found. What is typed is cut to the next of them, and
/// compared with the record then.
const BEGINNINGS: [usize; 5] = [2, 3, 4, 6, 8];

/// What a hash is of; the same text means different things.
#[derive(Clone, Copy)]
enum Of {
    Word = b'w' as isize,
    /// A word without one of its letters, or whole.
    Left = b'l' as isize,
    FirstHalf = b'f' as isize,
    SecondHalf = b's' as isize,
    Beginning = b'b' as isize,
}

fn hash(of: Of, text: &[char]) -> i64 {
    let mut hash = Sha256::new();
    hash.update([of as u8]);
    hash.update(text.iter().collect::<String>());
    hash.finalize().iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

fn letters(word: &str) -> Vec<char> {
    word.chars().take(LETTERS).collect()
}

/// The number of a word in the index.
pub fn word_id(word: &str) -> i64 {
    hash(Of::Word, &letters(word))
}

/// What is left of a word without each of its letters in turn, and the word itself.
fn left(letters: &[char]) -> impl Iterator<Item = i64> {
    let deletions = if letters.len() < 3 { 0 } else { letters.len() };
    let without = (0..deletions).map(|place| {
        let rest: Vec<char> = [&letters[..place], &letters[place + 1..]].concat();
        hash(Of::Left, &rest)
    });
    without.chain([hash(Of::Left, letters)])
}

/// The halves of a word of `length` letters; the letter or two between them belong to neither, so
/// that an error there leaves one of them whole.
fn halves(letters: &[char], length: usize) -> [i64; 2] {
    let half = ((length - 1) / 2).min(letters.len());
    let (first, second) = (&letters[..half], &letters[letters.len() - half..]);
    [hash(Of::FirstHalf, first), hash(Of::SecondHalf, second)]
}

/// The variants by which a word of a record is found.
pub fn variants(word: &str) -> BTreeSet<i64> {
    let letters = letters(word);
    let mut found = BTreeSet::new();
    if letters.len() > LONG {
        found.insert(hash(Of::Left, &letters));
        found.extend(halves(&letters, letters.len()));
    } else {
        found.extend(left(&letters));
    }
    let beginnings = BEGINNINGS.into_iter().filter(|length| *length < letters.len());
    found.extend(beginnings.map(|length| hash(Of::Beginning, &letters[..length])));
    found
}

/// The variants by which a typed word is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Of the word as it was meant.
    pub whole: BTreeSet<i64>,
    /// Of its beginning, if it may be unfinished.
    pub beginning: BTreeSet<i64>,
}

/// What to look up for each word that was typed; the last one may be unfinished. A space too many
/// is looked for by joining neighbours, a missing one by parting a word.
pub fn lookups(typed: &[String]) -> Vec<Lookups> {
    let joined = typed.windows(2).map(|pair| pair.concat());
    let last = typed.len().saturating_sub(1);
    let words = typed.iter().cloned().enumerate().map(|(place, word)| (word, place == last));
    let words = words.chain(joined.map(|word| (word, false)));
    words.map(|(word, unfinished)| lookup(&word, unfinished)).collect()
}

fn lookup(word: &str, unfinished: bool) -> Lookups {
    let letters = letters(word);
    let length = letters.len();
    let mut found = Lookups::default();
    if length <= LONG + 1 {
        found.whole.extend(left(&letters));
    } else {
        found.whole.insert(hash(Of::Left, &letters));
    }
    for meant in length.saturating_sub(1)..=length + 1 {
        if meant > LONG {
            found.whole.extend(halves(&letters, meant));
        }
    }
    for place in 2..length.saturating_sub(1) {
        found.whole.insert(hash(Of::Left, &letters[..place]));
        found.whole.insert(hash(Of::Left, &letters[place..]));
    }
    if unfinished {
        // the shorter of two leaves room for an error
        let fitting = BEGINNINGS.into_iter().rev().filter(|beginning| *beginning <= length);
        let keys = fitting.take(2).filter(|beginning| *beginning > 2 || length <= 3);
        found.beginning.extend(keys.map(|beginning| hash(Of::Beginning, &letters[..beginning])));
    }
    found
}

/// The words of a value.
pub(super) fn words_of_value(value: &Findable<'_>) -> Vec<String> {
    let label = |domain: String| domain.split('.').next().map(words).unwrap_or_default();
    let mut found = match value.nature {
        Nature::Company => words(&company::company_name(&value.text).core),
        Nature::Person => words(&value.text),
        Nature::Domain => contact::domain(&value.text).map_or_else(|| words(&value.text), label),
        Nature::Email => {
            let local = value.text.split('@').next().unwrap_or_default();
            let mut found = words(local);
            found.extend(contact::company_domain(&value.text).map(label).unwrap_or_default());
            found
        }
        Nature::Phone => contact::subscriber(&value.text, value.region.as_deref()).into_iter().collect(),
    };
    found.truncate(WORDS);
    found
}

/// The numbers of the words of a record, each with its word.
pub fn words_of<R: Found>(record: &R) -> Vec<(i64, String)> {
    let mut found: Vec<(i64, String)> =
        record.findables().iter().flat_map(words_of_value).map(|word| (word_id(&word), word)).collect();
    found.sort_unstable();
    found.dedup_by_key(|(id, _)| *id);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meet(word: &str, typed: &str) -> bool {
        let known = variants(word);
        let found = lookups(&[typed.to_owned()]);
        found.iter().any(|lookups| lookups.whole.iter().any(|key| known.contains(key)))
    }

    #[test]
    fn beginnings_meet_what_is_not_typed_to_its_end() {
        let known = variants("alderbank");
        for typed in ["al", "ald", "alde", "alder", "alderb", "alderba", "alderban", "aldrb"] {
            let found = lookups(&[typed.to_owned()]);
            let meets = found[0].beginning.iter().chain(&found[0].whole).any(|key| known.contains(key));
            assert!(meets, "{typed}");
        }
    }

    #[test]
    fn spaces_may_be_missing_or_too_many() {
        assert!(meet("trading", "acmetrading") && meet("acme", "acmetrading"));
        let found = lookups(&["alder".to_owned(), "bank".to_owned()]);
        assert!(found.iter().any(|lookups| !lookups.whole.is_disjoint(&variants("alderbank"))));
    }

    proptest! {
        #[test]
        fn a_word_meets_itself_with_any_one_error(word in "[a-z0-9]{3,24}", place in 0_usize..24, kind in 0..4, other in "[a-z]") {
            let mut letters: Vec<char> = word.chars().collect();
            let place = place % letters.len();
            match kind {
                0 => drop(letters.remove(place)),
                1 => letters.insert(place, letters[place]),
                2 => letters[place] = other.chars().next().unwrap(),
                _ if place > 0 => letters.swap(place - 1, place),
                _ => {}
            }
            let typed: String = letters.into_iter().collect();
            prop_assert!(meet(&word, &typed), "{} {}", word, typed);
        }
    }
}
