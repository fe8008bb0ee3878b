//! How well a value fits what was typed.

use salient_linkage::normalise::{company, contact, fold, words};
use strsim::osa_distance;

use super::{Findable, Found, Nature};

/// The least that counts as fitting.
const LEAST: f64 = 0.6;
/// What a legal form weighs, beside a word of the name.
const FORM: f64 = 0.3;
/// Digits of a number that are enough to know it by its end.
const END: usize = 5;

/// What was typed, in all the ways in which it can be read.
#[derive(Clone, Debug)]
pub struct Typed {
    /// All of it, folded, its words with one space between.
    words: Vec<String>,
    /// The words of a name without its legal form.
    core: Vec<String>,
    /// Folded, as it stands.
    folded: String,
    /// The label of a domain, if it looks like one.
    label: Option<String>,
    /// Digits, and whether they begin with a country; if it looks like a telephone number.
    digits: Option<(String, bool)>,
}

/// A value that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The field.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// The words of it that fit.
    pub words: Vec<String>,
    /// How well, 0 to 1.
    pub score: f64,
}

impl Typed {
    /// Reads what was typed.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let folded = fold(text.trim());
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let is_phone = digits.len() >= 4 && !text.chars().any(char::is_alphabetic) && !text.contains('@');
        let abroad = text.trim_start().starts_with('+') || digits.starts_with("00");
        let local = || contact::subscriber(text, None).unwrap_or_else(|| digits.clone());
        let digits = is_phone.then(|| match abroad {
            true => (digits.trim_start_matches('0').to_owned(), true),
            false => (local(), false),
        });
        let is_domain = !text.trim().contains(char::is_whitespace) && text.contains('.');
        let label =
            if is_domain { contact::domain(text).and_then(|domain| first_label(&domain)) } else { None };
        Self { words: words(text), core: words(&company::company_name(text).core), folded, label, digits }
    }

    /// The words to look up; the last one may be unfinished.
    #[must_use]
    pub fn lookup(&self) -> Vec<String> {
        if let Some((digits, abroad)) = &self.digits {
            let mut found = Vec::new();
            if *abroad {
                // a country code has one to three digits
                found.extend((1..=3).filter_map(|length| digits.get(length..)).map(str::to_owned));
                found.extend(contact::subscriber(&format!("+{digits}"), None));
            }
            found.push(digits.clone());
            return found;
        }
        let at = self.folded.split_once('@').map(|(local, domain)| {
            let mut found = words(local);
            found.extend(first_label(domain).map(|label| words(&label)).unwrap_or_default());
            found
        });
        match (at, &self.label) {
            (Some(found), _) => found,
            (None, Some(label)) => words(label),
            // a legal form is not looked up, unless it may be the beginning of a word
            (None, None) if self.core.last() == self.words.last() => self.core.clone(),
            (None, None) => self.core.iter().chain(self.words.last()).cloned().collect(),
        }
    }

    /// The values of a record that fit, best first.
    pub fn fits<R: Found>(&self, record: &R) -> Vec<Fit> {
        let fits = record.findables().into_iter().map(|value| {
            let (score, words) = match value.nature {
                Nature::Company | Nature::Person => self.name(&value),
                Nature::Domain => (self.domain(&value.text), vec![value.text.to_string()]),
                Nature::Email => (self.email(&value.text), vec![value.text.to_string()]),
                Nature::Phone => (self.phone(&value), vec![value.text.to_string()]),
            };
            Fit { field: value.field, value: value.text.into_owned(), words, score }
        });
        let mut fits: Vec<Fit> = fits.filter(|fit| fit.score >= LEAST).collect();
        fits.sort_by(|one, other| other.score.total_cmp(&one.score));
        fits
    }

    /// A name: word by word, and as a whole, because a space may be where the error is.
    fn name(&self, value: &Findable<'_>) -> (f64, Vec<String>) {
        let said = words(&value.text);
        let core = match value.nature {
            Nature::Company => words(&company::company_name(&value.text).core),
            _ => said.clone(),
        };
        if self.words.is_empty() || said.is_empty() {
            return (0.0, Vec::new());
        }
        let (aligned, fitting) = self.aligned(&said, core.len());
        let typed = (self.words.concat(), self.core.concat());
        let whole = alike(&typed.0, &said.concat());
        let cores = alike(&typed.1, &core.concat());
        // a legal form that was typed and is another one speaks against it, a little
        let cores = if self.core.len() == self.words.len() { cores } else { cores * 0.97 };
        let begun = beginning(&typed.0, &core.concat()).max(beginning(&typed.0, &said.concat()));
        // a space that is missing or too many is an error, too
        let parted = if self.core == core || self.words == said { 1.0 } else { 0.98 };
        let score = aligned.max(parted * whole.max(cores)).max(0.97 * begun);
        let shown = value.text.split_whitespace().filter(|chunk| {
            let parts = words(chunk);
            parts.iter().any(|part| fitting.contains(part))
        });
        let shown: Vec<String> =
            shown.map(|chunk| chunk.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()).collect();
        (score, if shown.is_empty() { vec![value.text.to_string()] } else { shown })
    }

    /// Each typed word with the word of the value that it fits best; each is taken once.
    fn aligned(&self, said: &[String], core: usize) -> (f64, Vec<String>) {
        let mut free: Vec<&String> = said.iter().collect();
        let (mut sum, mut all, mut fitting) = (0.0, 0.0, Vec::new());
        let last = self.words.len() - 1;
        for (place, word) in self.words.iter().enumerate() {
            let length = word.chars().count() as f64;
            let weight = if place < self.core.len() { length } else { length * FORM };
            all += weight;
            let scored = free.iter().enumerate().map(|(index, other)| {
                let whole = alike(word, other);
                let begun = if place == last { 0.95 * beginning(word, other) } else { 0.0 };
                (index, whole.max(begun))
            });
            let best = scored.max_by(|one, other| one.1.total_cmp(&other.1));
            if let Some((index, score)) = best.filter(|(_, score)| *score >= LEAST) {
                sum += weight * score;
                fitting.push(free.remove(index).clone());
            }
        }
        let extra = said.iter().take(core).filter(|word| free.contains(word)).map(String::len).sum::<usize>();
        let share = extra as f64 / said.iter().take(core).map(String::len).sum::<usize>().max(1) as f64;
        let forms = if free.is_empty() { 0.0 } else { 0.01 };
        (sum / all.max(1.0) * (1.0 - 0.15 * share - forms), fitting)
    }

    fn domain(&self, value: &str) -> f64 {
        let said = contact::domain(value).unwrap_or_else(|| fold(value));
        let label = first_label(&said).unwrap_or_default();
        if self.folded == said {
            return 1.0;
        }
        match &self.label {
            // who types an address looks for the person
            Some(typed) if self.folded.contains('@') => 0.7 * alike(typed, &label),
            Some(typed) => 0.99 * alike(typed, &label),
            None => {
                let typed = self.words.concat();
                let begun = if typed.len() >= 3 { 0.95 * beginning(&self.folded, &said) } else { 0.0 };
                (0.95 * alike(&typed, &label)).max(begun).max(0.9 * beginning(&typed, &label))
            }
        }
    }

    fn email(&self, value: &str) -> f64 {
        let said = contact::email(value).unwrap_or_else(|| fold(value));
        let (local, domain) = said.split_once('@').unwrap_or((&said, ""));
        if self.folded.contains('@') {
            let typed = contact::email(&self.folded);
            let typed = typed.as_deref().unwrap_or(&self.folded);
            return alike(typed, &said).max(0.97 * beginning(typed, &said));
        }
        let typed = self.words.concat();
        let local = words(local).concat();
        let begun = if typed.len() >= 3 { 0.85 * beginning(&typed, &local) } else { 0.0 };
        let label = first_label(domain).unwrap_or_default();
        let at = self.label.as_deref().unwrap_or(&typed);
        (0.93 * alike(&typed, &local)).max(begun).max(0.75 * alike(at, &label))
    }

    fn phone(&self, value: &Findable<'_>) -> f64 {
        let Some((typed, abroad)) = &self.digits else { return 0.0 };
        let Some(within) = contact::subscriber(&value.text, value.region.as_deref()) else { return 0.0 };
        let whole = contact::phone(&value.text, value.region.as_deref()).unwrap_or_default();
        let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
        let said = if *abroad { &whole } else { &within };
        if typed == said || *typed == whole {
            return 1.0;
        }
        if said.starts_with(typed.as_str()) || (typed.len() >= END && within.ends_with(typed.as_str())) {
            return 0.9;
        }
        // two numbers that differ in a digit are two numbers more often than one
        let is_near = typed.len() > 6 && osa_distance(typed, said) == 1;
        if is_near { 0.8 } else { 0.0 }
    }
}

fn first_label(domain: &str) -> Option<String> {
    domain.split('.').next().filter(|label| !label.is_empty()).map(str::to_owned)
}

/// How much alike two words are: one less the share of letters that must be changed, 0 if these are
/// more than typing errors.
fn alike(one: &str, other: &str) -> f64 {
    if one == other {
        return if one.is_empty() { 0.0 } else { 1.0 };
    }
    let (a, b) = (one.chars().count(), other.chars().count());
    let longer = a.max(b);
    if a.min(b) < 2 || a.abs_diff(b) > 2 {
        return 0.0;
    }
    let changed = osa_distance(one, other);
    if changed > 1 + longer / 8 { 0.0 } else { 1.0 - changed as f64 / longer as f64 }
}

/// How much alike a word is to the beginning of another one; the more of it is there, the better.
fn beginning(typed: &str, said: &str) -> f64 {
    let length = typed.chars().count();
    let begun: String = said.chars().take(length).collect();
    if begun.len() == said.len() || length == 0 {
        return 0.0;
    }
    let share = length as f64 / said.chars().count() as f64;
    let alike = if length < 4 { f64::from(u8::from(begun == typed)) } else { alike(typed, &begun) };
    alike * (0.9 + 0.1 * share)
}

#[cfg(test)]
mod tests {
    use salient_proto::profile::v1::{Account, Contact};

    use super::*;

    fn account(name: &str) -> Account {
        Account { display_name: name.into(), ..Account::default() }
    }

    fn score<R: Found>(typed: &str, record: &R) -> f64 {
        Typed::read(typed).fits(record).first().map_or(0.0, |fit| fit.score)
    }

    #[test]
    fn names_fit_whatever_the_case_the_accents_and_the_legal_form() {
        let record = account("Müller & Söhne GmbH & Co. KG");
        for typed in ["Müller & Söhne GmbH & Co. KG", "muller sohne", "MULLER SÖHNE"] {
            assert_eq!(score(typed, &record), 1.0, "{typed}");
        }
        for typed in ["mueller sohne", "muler sohne", "mullersohne", "muller", "muller so"] {
            let score = score(typed, &record);
            assert!((0.7..1.0).contains(&score), "{typed}: {score}");
        }
        assert_eq!(score("Meier Tiefbau", &record), 0.0);
    }

    #[test]
    fn the_better_fit_comes_first() {
        let better = [
            ("Acme Trading Ltd", "Acme Trading Ltd", "Acme Trading GmbH"),
            ("Acme Trading", "Acme Trading Ltd", "Acme Trading Group Ltd"),
            ("acme tr", "Acme Trading", "Acme Holdings"),
            ("amce trading", "Acme Trading", "Ace Trading Works"),
            ("acme", "Acme", "Acmeson"),
        ];
        for (typed, first, second) in better {
            let (one, other) = (score(typed, &account(first)), score(typed, &account(second)));
            assert!(one > other, "{typed}: {first} {one}, {second} {other}");
        }
    }

    #[test]
    fn telephone_numbers_fit_in_any_notation() {
        let record = Contact { phone: "+44 20 7031 3000".into(), ..Contact::default() };
        for typed in ["+442070313000", "0044 20 7031 3000", "020 7031 3000", "(020) 7031-3000", "2070313000"]
        {
            assert_eq!(score(typed, &record), 1.0, "{typed}");
        }
        assert_eq!(score("+44 20 70", &record), 0.9);
        assert_eq!(score("7031 3000", &record), 0.9);
        assert_eq!(score("020 7031 3001", &record), 0.8);
        assert_eq!(score("030 7031 3999", &record), 0.0);
    }

    #[test]
    fn addresses_and_domains_fit() {
        let person = Contact {
            display_name: "J. Smith".into(),
            given_name: "Jane".into(),
            family_name: "Smith".into(),
            email: "Jane.Smith@acme-trading.co.uk".into(),
            ..Contact::default()
        };
        for typed in ["jane.smith@acme-trading.co.uk", "Jane Smith", "j smith"] {
            assert_eq!(score(typed, &person), 1.0, "{typed}");
        }
        assert!(score("jane.smiht@acme-trading.co.uk", &person) > 0.9);
        let company =
            Account { domain: "https://www.acme-trading.co.uk".into(), ..account("Something else") };
        for typed in ["acme-trading.co.uk", "www.acme-trading.co.uk", "acme-trading", "acme-tradnig.co.uk"] {
            assert!(score(typed, &company) > 0.85, "{typed}");
        }
        let fits = Typed::read("acme-trading.co.uk").fits(&company);
        assert_eq!((fits.len(), fits[0].field), (1, "domain"));
    }

    #[test]
    fn the_words_that_fit_are_told() {
        let fits = Typed::read("tradng acme").fits(&account("The Acme, Trading Group Ltd"));
        assert_eq!(fits[0].words, ["Acme", "Trading"]);
    }
}
