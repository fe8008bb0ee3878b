//! Columns that know too much: what is filled in only after the outcome must not teach a model.
//!
//! A table does not tell when its cells were filled, but what leaks gives itself away: it tells the
//! outcome nearly alone, by its values or by being there at all, or it tells more than everything
//! else together (Kaufman, Rosset and Perlich 2012, "Leakage in data mining").

use serde::{Deserialize, Serialize};

use super::Encoder;
use crate::{
    Error,
    frame::{Column, Frame},
    metrics::auc,
    model::{Learner as _, Model as _, Table},
    trees::TreesLearner,
};

/// When a column is suspected. The defaults let through what honest data shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// AUC from which a column alone is too good to be known before the outcome.
    pub near_perfect: f64,
    /// AUC from which a column alone is compared with all the others.
    pub strong: f64,
    /// By how much AUC it may be better than all the others together.
    pub ahead: f64,
    /// Seed of the draw of rows that a comparison uses.
    pub seed: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self { near_perfect: 0.95, strong: 0.8, ahead: 0.1, seed: 1 }
    }
}

/// Why a column is suspected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Leak {
    /// Its values alone tell the outcome.
    NearPerfect {
        /// AUC of the column alone.
        auc: f64,
    },
    /// Whether it is filled tells the outcome.
    FilledAfterwards {
        /// AUC of being filled, or of being empty.
        auc: f64,
    },
    /// It tells more than all the others together.
    AheadOfAll {
        /// AUC of the column alone.
        auc: f64,
        /// AUC of all the others.
        others: f64,
    },
}

/// A column that is suspected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The column.
    pub column: String,
    /// What gave it away.
    pub leak: Leak,
}

impl Suspect {
    /// The reason in words.
    #[must_use]
    pub fn words(&self) -> String {
        let column = &self.column;
        match self.leak {
            Leak::NearPerfect { auc } => {
                format!(
                    "{column} alone tells the outcome (AUC {auc:.3}): it was most likely filled in after it"
                )
            }
            Leak::FilledAfterwards { auc } => format!(
                "whether {column} is filled tells the outcome (AUC {auc:.3}): it was most likely filled in after it"
            ),
            Leak::AheadOfAll { auc, others } => format!(
                "{column} alone (AUC {auc:.3}) tells more than all other columns together ({others:.3}): it was \
                 most likely measured with the outcome"
            ),
        }
    }
}

impl Guard {
    /// The columns of a table that are suspected; `labels` are 0 or 1, one a row. Rows are split in
    /// two at random, one half teaches, the other judges, so that rare texts do not look wise.
    ///
    /// # Errors
    /// As of the learners.
    pub fn suspects(&self, frame: &Frame, labels: &[f64]) -> Result<Vec<Suspect>, Error> {
        let halves = self.halves(labels);
        let mut found = Vec::new();
        for (name, column) in frame.names().iter().zip(frame.columns()) {
            let told = told(column, labels, &halves);
            let filled = symmetric(auc(labels, &present(column)));
            if filled >= self.near_perfect {
                found.push(Suspect { column: name.clone(), leak: Leak::FilledAfterwards { auc: filled } });
            } else if told >= self.near_perfect {
                found.push(Suspect { column: name.clone(), leak: Leak::NearPerfect { auc: told } });
            } else if told >= self.strong {
                found.push(Suspect {
                    column: name.clone(),
                    leak: Leak::AheadOfAll { auc: told, others: 1.0 },
                });
            }
        }
        // the plain ones go first, so that they are not among the others that one is compared with
        let plain: Vec<String> = found
            .iter()
            .filter(|suspect| !matches!(suspect.leak, Leak::AheadOfAll { .. }))
            .map(|suspect| suspect.column.clone())
            .collect();
        for suspect in &mut found {
            if let Leak::AheadOfAll { others, .. } = &mut suspect.leak {
                let mut without: Vec<&str> = plain.iter().map(String::as_str).collect();
                without.push(&suspect.column);
                *others = together(&frame.drop(&without)?, labels, &halves)?;
            }
        }
        found.retain(|suspect| match suspect.leak {
            Leak::AheadOfAll { auc, others } => auc > others + self.ahead,
            _ => true,
        });
        Ok(found)
    }

    /// Rows that teach and rows that judge, both outcomes in each as evenly as may be.
    fn halves(&self, labels: &[f64]) -> [Vec<usize>; 2] {
        let mut halves = [Vec::new(), Vec::new()];
        for label in [0.0, 1.0] {
            let rows = (0..labels.len()).filter(|&row| labels[row] == label);
            for (place, row) in rows.enumerate() {
                // a fixed scramble: neighbours in time fall into either half
                let hash = (place as u64 ^ self.seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63;
                halves[hash as usize].push(row);
            }
        }
        halves.iter_mut().for_each(|half| half.sort_unstable());
        halves
    }
}

fn symmetric(auc: f64) -> f64 {
    if auc.is_nan() { 0.5 } else { auc.max(1.0 - auc) }
}

fn present(column: &Column) -> Vec<f64> {
    match column {
        Column::Number(values) => values.iter().map(|v| f64::from(u8::from(!v.is_nan()))).collect(),
        Column::Category { codes, levels } => {
            codes.iter().map(|&code| f64::from(u8::from((code as usize) < levels.len()))).collect()
        }
    }
}

/// AUC of one column alone: of a number, whatever way it points; of a text, by the share of each.
fn told(column: &Column, labels: &[f64], [teach, judge]: &[Vec<usize>; 2]) -> f64 {
    let y: Vec<f64> = judge.iter().map(|&row| labels[row]).collect();
    match column {
        Column::Number(values) => {
            let known: Vec<usize> = judge.iter().copied().filter(|&row| !values[row].is_nan()).collect();
            let y: Vec<f64> = known.iter().map(|&row| labels[row]).collect();
            symmetric(auc(&y, &known.iter().map(|&row| values[row]).collect::<Vec<_>>()))
        }
        Column::Category { codes, levels } => {
            let mut seen = vec![(0.0, 0.0); levels.len() + 1];
            let place = |row: usize| (codes[row] as usize).min(levels.len());
            for &row in teach {
                let level = &mut seen[place(row)];
                *level = (level.0 + labels[row], level.1 + 1.0);
            }
            let base = teach.iter().map(|&row| labels[row]).sum::<f64>() / (teach.len() as f64).max(1.0);
            let share: Vec<f64> = judge
                .iter()
                .map(|&row| {
                    let (yes, all) = seen[place(row)];
                    (yes + 10.0 * base) / (all + 10.0)
                })
                .collect();
            symmetric(auc(&y, &share))
        }
    }
}

/// AUC of all columns of a table; one half where nothing can be learned.
fn together(frame: &Frame, labels: &[f64], [teach, judge]: &[Vec<usize>; 2]) -> Result<f64, Error> {
    let Ok((encoder, _)) = Encoder::fit(frame) else { return Ok(0.5) };
    let table: Table = encoder.table(frame)?;
    let y = |rows: &[usize]| rows.iter().map(|&row| labels[row]).collect::<Vec<_>>();
    let learner = TreesLearner { min_leaf_weight: 5.0, ..TreesLearner::default() };
    let model = learner.fit(&table.select(teach), &y(teach))?;
    Ok(symmetric(auc(&y(judge), &model.log_odds(&table.select(judge)))))
}
