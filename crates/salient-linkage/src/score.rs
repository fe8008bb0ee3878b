//! Scores of pairs, and their reasons.

use crate::{
    Error,
    compare::{COSINE_BINS, Comparator},
    config::Band,
    index::{Index, Query},
    levels::{Comparison, Levels, MISSING, Side},
    model::Model,
    record::{is_list, values},
    terms::Vector,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The score of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Sum of the match weights, in bits; what the fields say without the prior.
    pub evidence: f64,
    /// Prior and evidence: log2 of the odds that both are the same thing.
    pub log2_odds: f64,
}

impl Score {
    /// Probability that both are the same thing.
    #[must_use]
    pub fn probability(&self) -> f64 {
        1.0 / (1.0 + (-self.log2_odds).exp2())
    }
}

/// What one field says about a pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The field; [`RELATED`] for what shared fields say less because they may be shared.
    pub field: String,
    /// Normalised value of the left record; several are separated by `" | "`.
    pub left: String,
    /// Normalised value of the right record.
    pub right: String,
    /// Agreement level.
    pub level: String,
    /// Match weight, bits.
    pub weight: f64,
}

/// Name of the contribution that takes back what the related share.
pub const RELATED: &str = "shared by related records";

/// A score with its reasons: `prior` and the weights sum to `score.log2_odds`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// log2 odds of a pair drawn at random.
    pub prior: f64,
    /// Contributions in the order of the fields; fields that a record lacks are left out.
    pub parts: Vec<Contribution>,
    /// The score.
    pub score: Score,
    /// Probability that both are the same thing.
    pub probability: f64,
    /// What is done with the pair.
    pub band: Band,
}

/// A record like the one asked about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// Its number in the index.
    pub number: u32,
    /// Score.
    pub score: Score,
    /// Probability that it is the same thing.
    pub probability: f64,
    /// What is done with the pair.
    pub band: Band,
}

/// Scores pairs of records of an index by a model.
#[derive(Debug, Clone)]
pub struct Scorer<'a> {
    index: &'a Index,
    model: &'a Model,
    comparison: Comparison,
    weights: Vec<Vec<f64>>,
    prior: f64,
    cosine: Option<usize>,
    vectors: Vec<Vector>,
}

impl<'a> Scorer<'a> {
    /// A scorer for single questions.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the model does not belong to the index's configuration.
    pub fn new(index: &'a Index, model: &'a Model) -> Result<Self, Error> {
        model.check(index.config())?;
        let weigh = |m: &[f64], u: &[f64]| m.iter().zip(u).map(|(m, u)| (m / u).log2()).collect();
        let fields = &index.config().fields;
        Ok(Self {
            index,
            model,
            comparison: Comparison::new(index.config()),
            weights: model.fields.iter().map(|field| weigh(&field.m, &field.u)).collect(),
            prior: (model.prior / (1.0 - model.prior)).log2(),
            cosine: fields.iter().position(|field| field.compare == Comparator::Cosine),
            vectors: Vec::new(),
        })
    }

    /// The same, with the vectors of all titles at hand, for scoring very many pairs.
    pub(crate) fn with_vectors(mut self) -> Self {
        if self.cosine.is_some() {
            let numbers = 0..self.index.capacity() as u32;
            self.vectors =
                numbers.into_par_iter().map(|n| self.vector(self.index.row(n)).unwrap_or_default()).collect();
        }
        self
    }

    fn vector(&self, row: crate::record::Row<'_>) -> Option<Vector> {
        self.cosine.map(|field| self.index.terms().vector(field, row.cell(field)))
    }

    pub(crate) fn side(&self, number: u32) -> Side<'_> {
        let row = self.index.row(number);
        let kept = self.vectors.get(number as usize).map(Cow::Borrowed);
        Side { row, vector: kept.or_else(|| self.vector(row).map(Cow::Owned)) }
    }

    pub(crate) fn levels(&self, a: &Side<'_>, b: &Side<'_>) -> Levels {
        self.comparison.levels(a, b)
    }

    /// Score of two records of the index.
    #[must_use]
    pub fn score(&self, a: u32, b: u32) -> Score {
        self.assess(&self.side(a), &self.side(b), |_, _, _| ())
    }

    /// Score of two records of the index with its reasons.
    #[must_use]
    pub fn explain(&self, a: u32, b: u32) -> Explanation {
        self.explain_sides(&self.side(a), &self.side(b))
    }

    /// Score of a record outside the index and one inside, with its reasons.
    #[must_use]
    pub fn explain_query(&self, query: &Query, number: u32) -> Explanation {
        let row = query.row();
        self.explain_sides(&Side { row, vector: self.vector(row).map(Cow::Owned) }, &self.side(number))
    }

    /// The candidates of a record outside the index that are not apart, best first; equally good
    /// ones by id.
    #[must_use]
    pub fn matches(&self, query: &Query) -> Vec<Match> {
        let row = query.row();
        let side = Side { row, vector: self.vector(row).map(Cow::Owned) };
        let assess = |number: u32| {
            let score = self.assess(&side, &self.side(number), |_, _, _| ());
            let probability = score.probability();
            Match { number, score, probability, band: self.index.config().band(probability) }
        };
        let mut out: Vec<Match> = self.index.candidates(query).into_iter().map(assess).collect();
        out.retain(|found| found.band != Band::Apart);
        out.sort_by(|x, y| {
            let order = y.score.log2_odds.total_cmp(&x.score.log2_odds);
            order.then_with(|| self.index.id(x.number).cmp(self.index.id(y.number)))
        });
        out
    }

    fn explain_sides(&self, a: &Side<'_>, b: &Side<'_>) -> Explanation {
        let fields = &self.index.config().fields;
        let shown = |cell: &str| values(cell).collect::<Vec<_>>().join(" | ");
        let mut parts = Vec::new();
        let score = self.assess(a, b, |at, level, weight| {
            parts.push(match at {
                Some(at) => Contribution {
                    field: fields[at].name.clone(),
                    left: shown(a.row.cell(at)),
                    right: shown(b.row.cell(at)),
                    level: fields[at].levels()[level].to_owned(),
                    weight,
                },
                None => Contribution {
                    field: RELATED.to_owned(),
                    left: String::new(),
                    right: String::new(),
                    level: String::new(),
                    weight,
                },
            });
        });
        let probability = score.probability();
        Explanation {
            prior: self.prior,
            parts,
            score,
            probability,
            band: self.index.config().band(probability),
        }
    }

    /// Adds the weights up, telling each (field, level, weight); field `None` is the related term.
    pub(crate) fn assess(
        &self,
        a: &Side<'_>,
        b: &Side<'_>,
        mut each: impl FnMut(Option<usize>, usize, f64),
    ) -> Score {
        let levels = self.levels(a, b);
        let (mut evidence, mut shared) = (0.0, 0.0);
        for (at, field) in self.index.config().fields.iter().enumerate() {
            let level = levels.level[at];
            if level == MISSING {
                continue;
            }
            let weight = if Some(at) == self.cosine {
                self.at_cosine(at, levels.cosine)
            } else if level == 0 && field.term_frequency {
                self.at_value(at, a.row.cell(at), b.row.cell(at))
            } else {
                self.weights[at][usize::from(level)]
            };
            each(Some(at), usize::from(level), weight);
            evidence += weight;
            if field.shared {
                shared += weight;
            }
        }
        let related = -(1.0 - self.model.related + self.model.related * f64::exp2(shared)).log2();
        each(None, 0, related);
        evidence += related;
        Score { evidence, log2_odds: self.prior + evidence }
    }

    /// Weight of exact agreement on the rarest of the common values.
    fn at_value(&self, field: usize, a: &str, b: &str) -> f64 {
        let general = self.model.fields[field].u[0];
        let chance = |value: &str| self.index.terms().chance(field, value, general);
        let rarest = if is_list(a) || is_list(b) {
            let common = values(a).filter(|x| values(b).any(|y| y == *x));
            common.map(chance).fold(1.0, f64::min)
        } else {
            chance(a)
        };
        (self.model.fields[field].m[0] / rarest).log2()
    }

    /// Weight at a cosine, straight between the middles of the bins, so that it does not jump.
    fn at_cosine(&self, field: usize, cosine: f64) -> f64 {
        let place = ((1.0 - cosine) * COSINE_BINS as f64 - 0.5).clamp(0.0, COSINE_BINS as f64 - 1.0);
        let bin = (place as usize).min(COSINE_BINS - 2);
        let weights = &self.weights[field];
        weights[bin] + (place - bin as f64) * (weights[bin + 1] - weights[bin])
    }
}
