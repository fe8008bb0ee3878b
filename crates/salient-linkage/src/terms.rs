//! How often values occur, and titles as TF-IDF vectors.

use crate::{
    compare::Comparator,
    config::Config,
    hash::hash,
    record::{Row, values},
};
use hashbrown::HashMap;

/// Counts of the values of fields with term frequency and of the features of titles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    counts: HashMap<u64, u32>,
    /// Records that have the field, by field.
    present: Vec<u32>,
}

/// Records that the general chance of agreement counts for beside the frequencies counted in the
/// index, so that a name seen once among ten records is not taken for common.
const PSEUDO_RECORDS: f64 = 1000.0;

impl Terms {
    pub(crate) fn new(fields: usize) -> Self {
        Self { counts: HashMap::new(), present: vec![0; fields] }
    }

    /// Counts a record in, or out again.
    pub(crate) fn count(&mut self, config: &Config, row: &Row<'_>, add: bool) {
        for (at, field) in config.fields.iter().enumerate() {
            let cell = row.cell(at);
            if cell.is_empty() {
                continue;
            }
            step(&mut self.present[at], add);
            let tag = at as u64;
            if field.compare == Comparator::Cosine {
                let mut features: Vec<u64> = features(tag, cell).map(|(feature, _)| feature).collect();
                features.sort_unstable();
                features.dedup();
                features.into_iter().for_each(|f| self.step(f, add));
            } else if field.term_frequency {
                values(cell).for_each(|value| self.step(hash(tag, value), add));
            }
        }
    }

    fn step(&mut self, term: u64, add: bool) {
        let count = self.counts.entry(term).or_insert(0);
        step(count, add);
        if *count == 0 {
            self.counts.remove(&term);
        }
    }

    fn frequency(&self, term: u64) -> f64 {
        f64::from(self.counts.get(&term).copied().unwrap_or(0))
    }

    /// Chance that another record has this value: Winkler's adjustment (Frequency-Based Matching in
    /// Fellegi–Sunter, 2000), shrunk to the general `chance` of the field.
    pub(crate) fn chance(&self, field: usize, value: &str, chance: f64) -> f64 {
        let others = (self.frequency(hash(field as u64, value)) - 1.0).max(1.0);
        let known = f64::from(self.present[field]);
        ((others + PSEUDO_RECORDS * chance) / (known + PSEUDO_RECORDS)).min(1.0)
    }

    /// Words and character trigrams of a title, each kind of unit length, weighted by sublinear term
    /// frequency and inverse document frequency (Manning, Raghavan and Schütze, Introduction to
    /// Information Retrieval, 2008, section 6.4). Words tell, trigrams forgive.
    pub(crate) fn vector(&self, field: usize, title: &str) -> Vector {
        let mut all: Vec<(u64, bool)> = features(field as u64, title).collect();
        all.sort_unstable();
        let documents = f64::from(self.present[field]).max(1.0);
        let (mut entries, mut squares) = (Vec::with_capacity(all.len()), [0.0_f64; 2]);
        for run in all.chunk_by(|a, b| a.0 == b.0) {
            let (term, is_word) = run[0];
            let inverse = (1.0 + documents / self.frequency(term).max(1.0)).ln();
            let weight = (1.0 + (run.len() as f64).ln()) * inverse;
            squares[usize::from(is_word)] += weight * weight;
            entries.push((term, weight, is_word));
        }
        let scale = squares.map(|square| (0.5 / square.max(f64::MIN_POSITIVE)).sqrt());
        Vector(
            entries
                .into_iter()
                .map(|(t, w, is_word)| (t, (w * scale[usize::from(is_word)]) as f32))
                .collect(),
        )
    }
}

fn step(count: &mut u32, add: bool) {
    *count = if add { count.saturating_add(1) } else { count.saturating_sub(1) };
}

/// Hashes of the words (true) and of the trigrams over each padded word (false).
fn features(tag: u64, title: &str) -> impl Iterator<Item = (u64, bool)> + '_ {
    title.split([' ', '\u{1e}']).filter(|word| !word.is_empty()).flat_map(move |word| {
        let padded: Vec<char> = std::iter::once(' ').chain(word.chars()).chain([' ']).collect();
        let trigrams: Vec<(u64, bool)> = padded
            .windows(3)
            .map(|gram| (hash(tag | 1 << 32, &gram.iter().collect::<String>()), false))
            .collect();
        trigrams.into_iter().chain([(hash(tag | 2 << 32, word), true)])
    })
}

/// A sparse vector, sorted by feature.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vector(Vec<(u64, f32)>);

impl Vector {
    /// The cosine of the angle between two vectors of unit length, 0 to 1.
    pub(crate) fn cosine(&self, other: &Self) -> f64 {
        let (mut a, mut b) = (self.0.as_slice(), other.0.as_slice());
        let mut sum = 0.0_f64;
        while let ([(x, v), rest_a @ ..], [(y, w), rest_b @ ..]) = (a, b) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => a = rest_a,
                std::cmp::Ordering::Greater => b = rest_b,
                std::cmp::Ordering::Equal => {
                    sum += f64::from(*v) * f64::from(*w);
                    (a, b) = (rest_a, rest_b);
                }
            }
        }
        sum.clamp(0.0, 1.0)
    }
}
