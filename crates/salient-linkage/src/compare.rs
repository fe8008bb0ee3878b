//! How two normalised values agree: levels, best first.

use crate::{normalise::person::same_short_form, phonetic::soundex, record};
use serde::{Deserialize, Serialize};
use strsim::{jaro_winkler, osa_distance};

/// How the values of a field are compared. Each way has its agreement levels; the first is exact
/// agreement, the last is "else".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparator {
    /// Equal or not.
    Exact,
    /// A given or family name.
    Name,
    /// A date, `yyyymmdd`.
    Date,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// Several words: a street, a town, a company.
    Text,
    /// A short code in which each sign counts: postal code, house number, tax number.
    Code,
    /// Model codes, of which those who sell a product append their own signs.
    ModelCode,
    /// A title, by the cosine of TF-IDF weighted words and character trigrams.
    Cosine,
    /// A price in minor units.
    Price,
}

/// Bins of the cosine; the last is "else".
pub(crate) const COSINE_BINS: usize = 10;

impl Comparator {
    /// Names of the levels, best first.
    #[must_use]
    pub fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Exact => &["exact", "else"],
            Self::Name => &["exact", "close", "alike", "else"],
            Self::Date => &["exact", "one slip", "same year or day", "else"],
            Self::Email => &["exact", "close", "same mailbox name", "else"],
            Self::Phone => &["exact", "close", "else"],
            Self::Text => &["exact", "close", "alike", "else"],
            Self::Code => &["exact", "one slip", "else"],
            Self::ModelCode => &["exact", "extended", "same series", "else"],
            Self::Cosine => &[
                "0.9 to 1.0",
                "0.8 to 0.9",
                "0.7 to 0.8",
                "0.6 to 0.7",
                "0.5 to 0.6",
                "0.4 to 0.5",
                "0.3 to 0.4",
                "0.2 to 0.3",
                "0.1 to 0.2",
                "below 0.1",
            ],
            Self::Price => &["exact", "within 5 %", "within 20 %", "else"],
        }
    }

    /// m-probabilities taken where none are learned, and the direction in which learning is held
    /// when there is little evidence: a tenth to a fifth of the records of one thing differ in a
    /// field, mostly by slips of typing (Herzog, Scheuren and Winkler, Data Quality and Record
    /// Linkage Techniques, 2007, chapter 9).
    #[must_use]
    pub fn default_m(self) -> &'static [f64] {
        match self {
            Self::Exact => &[0.90, 0.10],
            Self::Name => &[0.80, 0.12, 0.04, 0.04],
            Self::Date => &[0.90, 0.06, 0.02, 0.02],
            Self::Email => &[0.65, 0.05, 0.05, 0.25],
            Self::Phone => &[0.70, 0.05, 0.25],
            Self::Text => &[0.70, 0.12, 0.08, 0.10],
            Self::Code => &[0.85, 0.05, 0.10],
            Self::ModelCode => &[0.70, 0.12, 0.06, 0.12],
            Self::Cosine => &[0.10, 0.12, 0.16, 0.16, 0.16, 0.12, 0.09, 0.05, 0.03, 0.01],
            Self::Price => &[0.35, 0.25, 0.25, 0.15],
        }
    }

    /// How the chance disagreement of non-matches spreads over the levels after the first; sums
    /// to 1.
    #[must_use]
    pub fn default_u_rest(self) -> &'static [f64] {
        match self {
            Self::Exact => &[1.0],
            Self::Name => &[0.003, 0.02, 0.977],
            Self::Date => &[0.0005, 0.0225, 0.977],
            Self::Email => &[0.0001, 0.0009, 0.999],
            Self::Phone => &[0.0001, 0.9999],
            Self::Text => &[0.001, 0.02, 0.979],
            Self::Code => &[0.01, 0.99],
            Self::ModelCode => &[0.001, 0.004, 0.995],
            Self::Cosine => &[0.00002, 0.00008, 0.0002, 0.0007, 0.002, 0.007, 0.02, 0.07, 0.9],
            Self::Price => &[0.03, 0.10, 0.87],
        }
    }

    /// The best level over the values of two cells (neither empty), and the value of the left one
    /// it was found on.
    pub(crate) fn best<'a>(self, a: &'a str, b: &'a str) -> (usize, &'a str) {
        if !record::is_list(a) && !record::is_list(b) {
            return (self.level(a, b), a);
        }
        let pairs = record::values(a).flat_map(|x| record::values(b).map(move |y| (self.level(x, y), x)));
        // Of equally good pairs the first in the order of the text, so that sides can be swapped.
        pairs.min_by(|x, y| x.cmp(y)).unwrap_or((self.levels().len() - 1, a))
    }

    /// The level of two normalised values; symmetric.
    #[must_use]
    pub fn level(self, a: &str, b: &str) -> usize {
        if a == b {
            return 0;
        }
        // Greedy matching inside Jaro is not symmetric in rare cases; a fixed order makes it so.
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        match self {
            Self::Exact => 1,
            Self::Name => name(a, b),
            Self::Date => date(a, b),
            Self::Email => email(a, b),
            Self::Phone => phone(a, b),
            Self::Text => text(a, b),
            Self::Code => {
                if a.len().max(b.len()) >= 3 && slips(a, b, 1) {
                    1
                } else {
                    2
                }
            }
            Self::ModelCode => model_code(a, b),
            Self::Cosine => self.levels().len() - 1,
            Self::Price => price(a, b),
        }
    }
}

/// Whether at most `most` insertions, deletions, substitutions and transpositions of neighbours
/// lead from one to the other (optimal string alignment; Damerau, 1964).
fn slips(a: &str, b: &str, most: usize) -> bool {
    // Each slip takes at most one sign from either side, which most unlike pairs show at once.
    let (only_a, only_b) = foreign(a, b);
    a.len().abs_diff(b.len()) <= 2 * most && only_a <= most && only_b <= most && osa_distance(a, b) <= most
}

/// How many different signs each has that the other lacks; at most that, since signs are told
/// apart by six bits.
fn foreign(a: &str, b: &str) -> (usize, usize) {
    let signs = |text: &str| text.bytes().fold(0_u64, |set, byte| set | 1 << (byte & 63));
    let (x, y) = (signs(a), signs(b));
    ((x & !y).count_ones() as usize, (y & !x).count_ones() as usize)
}

/// Jaro–Winkler similarity (Winkler, 1990), or 0 if it cannot reach `least`: signs that the other
/// lacks match nothing, which bounds it without the work.
fn jaro_winkler_from(least: f64, a: &str, b: &str) -> f64 {
    if a.is_ascii() && b.is_ascii() {
        let (only_a, only_b) = foreign(a, b);
        let matching = (a.len() - only_a).min(b.len() - only_b) as f64;
        let jaro = (matching / a.len() as f64 + matching / b.len() as f64 + 1.0) / 3.0;
        let prefix = a.bytes().zip(b.bytes()).take(4).take_while(|(x, y)| x == y).count();
        if matching < 1.0 || jaro + 0.1 * prefix as f64 * (1.0 - jaro) < least {
            return 0.0;
        }
    }
    jaro_winkler(a, b)
}

fn name(a: &str, b: &str) -> usize {
    let (la, lb) = (a.chars().count(), b.chars().count());
    let shorter = la.min(lb);
    let first = |text: &str| text.chars().next();
    if shorter == 1 {
        return if first(a) == first(b) { 2 } else { 3 };
    }
    let similarity = jaro_winkler_from(0.7, a, b);
    if similarity >= 0.92 || (shorter >= 4 && similarity >= 0.7 && slips(a, b, 1)) {
        return 1;
    }
    let prefix = shorter >= 3 && (a.starts_with(b) || b.starts_with(a));
    let shared = |long: &str, short: &str| short.len() >= 3 && long.split(' ').any(|word| word == short);
    let partly = (a.contains(' ') || b.contains(' '))
        && (a.split(' ').any(|word| shared(b, word)) || b.split(' ').any(|word| shared(a, word)));
    let alike = similarity >= 0.84
        || prefix
        || partly
        || (first(a) == first(b) && soundex(a) == soundex(b) && a.is_ascii() && b.is_ascii())
        || same_short_form(a, b);
    if alike { 2 } else { 3 }
}

fn date(a: &str, b: &str) -> usize {
    let (x, y) = (a.as_bytes(), b.as_bytes());
    if x.len() != 8 || y.len() != 8 {
        return 3;
    }
    let differ = x.iter().zip(y).filter(|(p, q)| p != q).count();
    let swapped_day_and_month = x[..4] == y[..4] && x[4..6] == y[6..] && x[6..] == y[4..6];
    if differ == 1 || swapped_day_and_month || (differ == 2 && slips(a, b, 1)) {
        1
    } else if x[..4] == y[..4] || x[4..] == y[4..] {
        2
    } else {
        3
    }
}

fn email(a: &str, b: &str) -> usize {
    if slips(a, b, 2) {
        return 1;
    }
    let local = |text: &str| text.split('@').next().map(str::to_owned);
    // A short or a role mailbox (`info`, `sales`) exists at every company.
    let telling = |name: &str| {
        name.len() >= 6 && !matches!(name, "office" | "contact" | "kontakt" | "support" | "service")
    };
    if local(a) == local(b) && local(a).is_some_and(|name| telling(&name)) { 2 } else { 3 }
}

fn phone(a: &str, b: &str) -> usize {
    let tail = |text: &str| text.len().checked_sub(7).and_then(|at| text.get(at..)).map(str::to_owned);
    let same_tail = tail(a).is_some() && tail(a) == tail(b);
    if same_tail || slips(a, b, 1) { 1 } else { 2 }
}

fn text(a: &str, b: &str) -> usize {
    let longer = a.len().max(b.len());
    if (longer >= 4 && slips(a, b, 1 + longer / 10))
        || a.bytes().filter(|c| *c != b' ').eq(b.bytes().filter(|c| *c != b' '))
    {
        return 1;
    }
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let words = short.split(' ').count();
    let shared = short.split(' ').filter(|word| long.split(' ').any(|other| other == *word)).count();
    let union = words + long.split(' ').count() - shared;
    // All words of the shorter one, or half of all words, or a start and letters much alike.
    if (shared == words && short.len() >= 4) || 2 * shared >= union || jaro_winkler_from(0.88, a, b) >= 0.88 {
        2
    } else {
        3
    }
}

fn model_code(a: &str, b: &str) -> usize {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let common = short.bytes().zip(long.bytes()).take_while(|(x, y)| x == y).count();
    if short.len() >= 4 && (long.starts_with(short) || long.ends_with(short)) {
        1
    } else if common >= 4 && 3 * common >= 2 * long.len() {
        2
    } else {
        3
    }
}

fn price(a: &str, b: &str) -> usize {
    let (Ok(x), Ok(y)) = (a.parse::<f64>(), b.parse::<f64>()) else { return 3 };
    let apart = (x - y).abs() / x.max(y).max(1.0);
    match apart {
        _ if apart <= 0.05 => 1,
        _ if apart <= 0.20 => 2,
        _ => 3,
    }
}
