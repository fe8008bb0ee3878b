//! Population stability index: how far a distribution has moved from the one trained on.
//!
//! `Σ (aᵢ − eᵢ) ln(aᵢ / eᵢ)` over bins with the share `eᵢ` in training and `aᵢ` now (Siddiqi 2006,
//! *Credit Risk Scorecards*: below 0.1 stable, 0.1 to 0.25 some shift, above 0.25 a major one). An
//! empty bin counts as half a row, so the floor of a share is `1/(2·rows)` of its own sample; a bin
//! empty on both sides is left out.
//!
//! Two samples of one and the same distribution do not give 0 but, with B bins and n and m rows,
//! about `(1/n + 1/m)·χ²(B − 1)`, in the mean `(B − 1)(1/n + 1/m)` (Yurdakul 2018, *Statistical
//! properties of the population stability index*). [`Shift`] holds both, so that small samples do
//! not alarm.

use crate::{
    Error,
    frame::{Column, MISSING},
};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Bins of a number: deciles of training.
pub const BINS: usize = 10;
/// Levels of a category with a bin of their own; the rest share one.
pub const TOP_LEVELS: usize = 20;

/// The values of one input, one a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Values<'a> {
    /// Numbers; NaN is missing.
    Numbers(&'a [f64]),
    /// Places in `levels`, [`MISSING`] is missing.
    Category {
        /// The place of each row.
        codes: &'a [u32],
        /// The texts.
        levels: &'a [String],
    },
    /// Nothing arrived: missing in each of so many rows.
    Missing(u64),
}

impl<'a> From<&'a Column> for Values<'a> {
    fn from(column: &'a Column) -> Self {
        match column {
            Column::Number(values) => Self::Numbers(values),
            Column::Category { codes, levels } => Self::Category { codes, levels },
        }
    }
}

impl Values<'_> {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        match self {
            Self::Numbers(v) => v.len() as u64,
            Self::Category { codes, .. } => codes.len() as u64,
            Self::Missing(rows) => *rows,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bins {
    /// Ascending cuts; a bin holds its right end.
    Cuts(Vec<f64>),
    /// Names, ascending.
    Levels(Vec<String>),
}

/// The distribution of an input or of scores at training: at most 22 counts, no values but cuts
/// and level names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    bins: Bins,
    /// Rows per bin; last the other levels (categories only), then the missing.
    counts: Vec<u64>,
}

/// How far a distribution has moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// Population stability index; 0 is equal.
    pub psi: f64,
    /// Its expected value had nothing moved: `(bins − 1)(1/n + 1/m)`.
    pub expected: f64,
    /// Bins with a row in either sample.
    pub bins: u64,
    /// Rows now.
    pub rows: u64,
    /// Rows at training.
    pub reference_rows: u64,
    /// The bin that moved most, in words, with its shares.
    pub most: Moved,
}

/// A bin and its shares.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Moved {
    /// The bin in words, such as `over 3 up to 8` or `missing`.
    pub bin: String,
    /// Share of rows at training.
    pub before: f64,
    /// Share of rows now.
    pub now: f64,
}

/// What Siddiqi calls a value of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stability {
    /// Below 0.1.
    Stable,
    /// 0.1 to 0.25.
    Moving,
    /// Above 0.25.
    Moved,
}

impl Shift {
    /// The reading of the index less what chance alone adds to it.
    #[must_use]
    pub fn stability(&self) -> Stability {
        match self.psi - self.expected {
            x if x > 0.25 => Stability::Moved,
            x if x >= 0.1 => Stability::Moving,
            _ => Stability::Stable,
        }
    }

    /// What the index must exceed to be both larger than `threshold` after the correction for
    /// sample size and larger than chance explains at `confidence` (such as 0.999).
    #[must_use]
    pub fn limit(&self, threshold: f64, confidence: f64) -> f64 {
        let per_row = 1.0 / self.rows as f64 + 1.0 / self.reference_rows as f64;
        let chance = ChiSquared::new(self.bins as f64 - 1.0)
            .map_or(0.0, |d| d.inverse_cdf(confidence.clamp(0.0, 1.0 - 1e-12)) * per_row);
        (threshold + self.expected).max(chance)
    }
}

impl Reference {
    /// Of the values trained on. A number that fills a decile alone gets a bin of its own, so that
    /// a constant moving either way is seen; of equally frequent levels the first by name are kept.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] without rows.
    pub fn of(values: Values<'_>) -> Result<Self, Error> {
        if values.rows() == 0 {
            return Err(Error::NotEnoughData { needed: "one row".into(), have: "none".into() });
        }
        let bins = match values {
            Values::Numbers(values) => Bins::Cuts(cuts(values)),
            Values::Category { codes, levels } => Bins::Levels(top(codes, levels)),
            Values::Missing(_) => Bins::Cuts(Vec::new()),
        };
        let mut reference = Self { bins, counts: Vec::new() };
        reference.counts = reference.count(values);
        Ok(reference)
    }

    /// Rows trained on.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The population stability index of `current`; NaN without rows. Values of the other kind
    /// (text where numbers were) count as missing.
    #[must_use]
    pub fn psi(&self, current: Values<'_>) -> f64 {
        self.shift(current).psi
    }

    /// The index with what is needed to judge it.
    #[must_use]
    pub fn shift(&self, current: Values<'_>) -> Shift {
        let now = self.count(current);
        let (n, m) = (self.rows(), now.iter().sum::<u64>());
        let share = |count: u64, of: u64| (count as f64).max(0.5) / of as f64;
        let (mut psi, mut bins, mut most, mut widest) = (0.0, 0_u64, 0, -1.0);
        for (i, (&e, &a)) in self.counts.iter().zip(&now).enumerate() {
            if e + a == 0 {
                continue;
            }
            let (before, after) = (share(e, n), share(a, m));
            let part = (after - before) * (after / before).ln();
            if part > widest {
                (most, widest) = (i, part);
            }
            psi += part;
            bins += 1;
        }
        let empty = n == 0 || m == 0;
        let of = |counts: &[u64], rows| counts.get(most).map_or(0.0, |&c| c as f64 / f64::max(rows, 1.0));
        Shift {
            psi: if empty { f64::NAN } else { psi },
            expected: bins.saturating_sub(1) as f64 * (1.0 / n as f64 + 1.0 / m as f64),
            bins,
            rows: m,
            reference_rows: n,
            most: Moved { bin: self.name(most), before: of(&self.counts, n as f64), now: of(&now, m as f64) },
        }
    }

    fn count(&self, values: Values<'_>) -> Vec<u64> {
        let bins = match &self.bins {
            Bins::Cuts(cuts) => cuts.len() + 1,
            Bins::Levels(names) => names.len() + 1,
        };
        let mut counts = vec![0_u64; bins + 1];
        let mut add = |bin: usize, rows: u64| {
            if let Some(c) = counts.get_mut(bin) {
                *c += rows;
            }
        };
        match (&self.bins, values) {
            (Bins::Cuts(cuts), Values::Numbers(values)) => {
                for &v in values {
                    add(if v.is_nan() { bins } else { cuts.partition_point(|&c| c < v) }, 1);
                }
            }
            (Bins::Levels(names), Values::Category { codes, levels }) => {
                let of = |level| names.binary_search(level).unwrap_or(bins - 1);
                let places: Vec<usize> = levels.iter().map(of).collect();
                for &code in codes {
                    add(if code == MISSING { bins } else { places[code as usize] }, 1);
                }
            }
            (_, other) => add(bins, other.rows()),
        }
        counts
    }

    fn name(&self, bin: usize) -> String {
        if bin + 1 >= self.counts.len() {
            return "missing".into();
        }
        match &self.bins {
            Bins::Levels(names) => names.get(bin).map_or("other levels".into(), |n| format!("level {n}")),
            Bins::Cuts(cuts) => {
                let below = bin.checked_sub(1).and_then(|b| cuts.get(b));
                // The cut just under a value with a bin of its own reads as that value.
                let end = cuts.get(bin).map(|cut| match cuts.get(bin + 1) {
                    Some(next) if cut.next_up() == *next => format!("under {next}"),
                    _ => format!("up to {cut}"),
                });
                match (below, end) {
                    (Some(a), Some(_)) if cuts.get(bin) == Some(&a.next_up()) => {
                        format!("exactly {}", a.next_up() + 0.0)
                    }
                    (Some(a), Some(end)) => format!("over {a} {end}"),
                    (Some(a), None) => format!("over {a}"),
                    (None, Some(end)) => end,
                    (None, None) => "present".into(),
                }
            }
        }
    }
}

/// Deciles, right ends of their bins; one that comes twice gets a bin of its own.
fn cuts(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let decile = |k: usize| sorted.get((k * sorted.len()).div_ceil(BINS).saturating_sub(1)).copied();
    // An infinite cut could not be written as JSON.
    let deciles: Vec<f64> = (1..BINS).filter_map(decile).filter(|c| c.is_finite()).map(|c| c + 0.0).collect();
    let mut cuts: Vec<f64> = Vec::with_capacity(2 * BINS);
    for same in deciles.chunk_by(|a, b| a == b) {
        if let [cut, rest @ ..] = same {
            let below = cut.next_down();
            if !rest.is_empty() && below.is_finite() && cuts.last().is_none_or(|&last| last < below) {
                cuts.push(below);
            }
            cuts.push(*cut);
        }
    }
    cuts
}

/// The most frequent levels, by name.
fn top(codes: &[u32], levels: &[String]) -> Vec<String> {
    let mut counts = vec![0_u64; levels.len()];
    for &code in codes.iter().filter(|&&code| code != MISSING) {
        counts[code as usize] += 1;
    }
    let mut met: Vec<(u64, &String)> = counts.into_iter().zip(levels).filter(|(rows, _)| *rows > 0).collect();
    met.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    met.truncate(TOP_LEVELS);
    let mut names: Vec<String> = met.into_iter().map(|(_, name)| name.clone()).collect();
    names.sort_unstable();
    names
}
