//! The model: m- and u-probabilities by field and level, and how pairs start out.
//!
//! Fellegi and Sunter (A Theory for Record Linkage, 1969): the match weight of a level is
//! `log2(m/u)`, where m is its probability among matches and u among non-matches; weights of fields
//! add up. Non-matches here are a mixture of two: strangers, who agree by chance in every field, and
//! the related (a household, colleagues, products of one series), who agree like matches in the
//! fields marked as shared and by chance in the others. Without the second part, a couple with one
//! address and one telephone would be one person. Its effect is one further term of the score,
//! `−log2(1 − ρ + ρ·Π m/u)` over the shared fields, so that all of them together never weigh more
//! than `log2(1/ρ)`.

use crate::{
    Error,
    config::{Config, Field},
};
use serde::{Deserialize, Serialize};

/// Probabilities of one field's levels, in the order of [`Field::levels`]; each list sums to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldModel {
    /// The field.
    pub name: String,
    /// P(level | the same thing, both have the field).
    pub m: Vec<f64>,
    /// P(level | strangers, both have the field).
    pub u: Vec<f64>,
}

/// What a model was learned from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Records in the index.
    pub records: usize,
    /// Records whose candidates were looked at.
    pub probes: usize,
    /// Candidate pairs looked at.
    pub pairs: u64,
    /// Rounds of expectation–maximisation.
    pub rounds: usize,
    /// Matches expected among the pairs looked at.
    pub matches: f64,
}

/// All that scoring needs beside the index; to be stored as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Probability that two records drawn at random are the same thing.
    pub prior: f64,
    /// Share of the related among the pairs that are not.
    pub related: f64,
    /// In the order of the configuration.
    pub fields: Vec<FieldModel>,
    /// `None` for a model of default values.
    pub learned: Option<Learned>,
}

/// Chance that two things have two fields swapped, where nothing is learned.
const SWAPPED: (f64, f64) = (0.01, 0.000_001);

/// Records of one thing beside a given one, and related things beside it, where nothing is learned.
const DEFAULT_MATES: f64 = 0.2;
const DEFAULT_RELATED: f64 = 1.0;

impl FieldModel {
    /// Default values of a field.
    #[must_use]
    pub fn standard(field: &Field) -> Self {
        let mut m = field.compare.default_m().to_vec();
        let rest = field.compare.default_u_rest().iter().map(|share| share * (1.0 - field.chance));
        let mut u: Vec<f64> = std::iter::once(field.chance).chain(rest).collect();
        if field.swaps_with.is_some() {
            for (list, share) in [(&mut m, SWAPPED.0), (&mut u, SWAPPED.1)] {
                list.iter_mut().for_each(|p| *p *= 1.0 - share);
                list.push(share);
            }
        }
        Self { name: field.name.clone(), m, u }
    }
}

impl Model {
    /// Default values: for an index too small to learn from, and the start of learning.
    #[must_use]
    pub fn standard(config: &Config, records: usize) -> Self {
        let others = records.max(2) as f64;
        Self {
            prior: (DEFAULT_MATES / others).min(0.1),
            related: (DEFAULT_RELATED / others).min(0.1),
            fields: config.fields.iter().map(FieldModel::standard).collect(),
            learned: None,
        }
    }

    /// Checks that the model belongs to the configuration.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names what does not fit.
    pub fn check(&self, config: &Config) -> Result<(), Error> {
        let fits = |(model, field): (&FieldModel, &Field)| {
            let levels = field.levels().len();
            let sound = |list: &[f64]| list.len() == levels && list.iter().all(|p| *p > 0.0 && *p <= 1.0);
            model.name == field.name && sound(&model.m) && sound(&model.u)
        };
        let open = |p: f64| p > 0.0 && p < 1.0;
        if !open(self.prior) || !open(self.related) {
            return Err(Error::invalid("model", "prior and related must lie between 0 and 1"));
        }
        if self.fields.len() != config.fields.len() || !self.fields.iter().zip(&config.fields).all(fits) {
            return Err(Error::invalid("model", "it was made for another configuration; learn it anew"));
        }
        Ok(())
    }
}
