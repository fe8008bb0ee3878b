//! What a kind of record is: its fields, how they are compared, what they block on.

use crate::{Error, compare::Comparator, kinds, normalise::Normaliser, record::MAX_FIELDS};
use serde::{Deserialize, Serialize};

/// What the records of an index are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// People.
    Person,
    /// Companies and other organisations.
    Company,
    /// Things sold.
    Product,
}

impl Kind {
    /// The configuration of the kind; one for all data sets.
    #[must_use]
    pub fn config(self) -> Config {
        match self {
            Self::Person => kinds::person(),
            Self::Company => kinds::company(),
            Self::Product => kinds::product(),
        }
    }
}

/// Where the values of a compared field come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Field of the vocabulary.
    pub raw: String,
    /// How its values are read.
    pub normaliser: Normaliser,
}

/// A compared field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name in explanations.
    pub name: String,
    /// Where its values come from; the first source that yields any is taken.
    pub from: Vec<Source>,
    /// How two values are compared.
    pub compare: Comparator,
    /// Whether agreement on a rare value weighs more than on a frequent one.
    pub term_frequency: bool,
    /// Whether things that belong together without being the same share it: the address of a
    /// household, the switchboard of a company, the brand of a series.
    pub shared: bool,
    /// A field whose value is sometimes entered in this one's place and this one's in its.
    pub swaps_with: Option<String>,
    /// Chance that two different things agree exactly, where nothing is learned.
    pub chance: f64,
}

/// What of a field's value goes into a blocking key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The value.
    Whole,
    /// Its first so many letters (fewer if it is shorter).
    Prefix(usize),
    /// Its last so many signs.
    Suffix(usize),
    /// Soundex of its first word; the word itself if it has no Latin letters.
    Sound,
    /// Its mailbox name.
    Local,
    /// Each word of two signs and more; one key per word.
    Words,
}

/// A piece of a blocking key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Compared field.
    pub field: String,
    /// What of it.
    pub take: Take,
}

/// Records that agree on all parts of a key are compared. A record that lacks a part has no such
/// key; one with several values for a part has several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockingKey {
    /// Parts, all of which must agree.
    pub parts: Vec<Part>,
    /// Whether the parts may agree crosswise (given and family name swapped).
    pub unordered: bool,
}

/// Everything that is fixed about a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The kind.
    pub kind: Kind,
    /// ISO 3166 alpha-2 code of where telephone numbers without a country code belong, unless the
    /// record has a country; none: such numbers are compared as they stand.
    pub default_region: Option<String>,
    /// Compared fields, at most 16.
    pub fields: Vec<Field>,
    /// Further names of the vocabulary, accepted and not compared.
    pub ignored: Vec<String>,
    /// Blocking keys.
    pub blocking: Vec<BlockingKey>,
    /// Second keys, by which a block of more than `block_cap` records is split.
    pub refine: Vec<Part>,
    /// Most records of a block that are compared with each other.
    pub block_cap: usize,
    /// Probability from which on records are taken for the same without asking.
    pub merge: f64,
    /// Probability from which on a person is asked.
    pub review: f64,
    /// Most records of a cluster; a larger one is reported and not merged.
    pub max_cluster: usize,
    /// Bits of evidence (prior aside) below which two records of one cluster contradict each other.
    pub contradiction: f64,
}

impl Config {
    /// Names of the raw fields that a record may have, sorted.
    #[must_use]
    pub fn vocabulary(&self) -> Vec<&str> {
        let sources = self.fields.iter().flat_map(|f| f.from.iter().map(|s| s.raw.as_str()));
        let mut names: Vec<&str> = sources.chain(self.ignored.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Position of a compared field.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is none of that name.
    pub fn position(&self, name: &str) -> Result<usize, Error> {
        let at = self.fields.iter().position(|field| field.name == name);
        at.ok_or_else(|| Error::invalid("field", format!("{name:?} is not a compared field")))
    }

    /// Checks that names resolve and numbers lie where they can work.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the part of the configuration and what would be right.
    pub fn check(&self) -> Result<(), Error> {
        if self.fields.is_empty() || self.fields.len() > MAX_FIELDS {
            return Err(Error::invalid("fields", format!("1 to {MAX_FIELDS} are needed")));
        }
        for field in &self.fields {
            if let Some(partner) = &field.swaps_with {
                self.position(partner)?;
            }
            if !(field.chance > 0.0 && field.chance < 1.0) {
                return Err(Error::invalid("chance", "must lie between 0 and 1"));
            }
        }
        for part in self.blocking.iter().flat_map(|key| &key.parts).chain(&self.refine) {
            self.position(&part.field)?;
        }
        if !(0.0 < self.review && self.review <= self.merge && self.merge < 1.0) {
            return Err(Error::invalid("bands", "0 < review <= merge < 1 is needed"));
        }
        if self.block_cap < 2 || self.max_cluster < 2 {
            return Err(Error::invalid("block_cap and max_cluster", "at least 2 is needed"));
        }
        Ok(())
    }
}

/// What is done with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Different things.
    Apart,
    /// A person is asked.
    Review,
    /// The same thing.
    Merge,
}

impl Config {
    /// The band of a probability.
    #[must_use]
    pub fn band(&self, probability: f64) -> Band {
        match probability {
            p if p >= self.merge => Band::Merge,
            p if p >= self.review => Band::Review,
            _ => Band::Apart,
        }
    }
}
