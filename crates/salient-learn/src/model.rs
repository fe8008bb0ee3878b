//! Learners behind one trait: a table in, log-odds with additive contributions out.

use crate::{Error, bayes::Bayes, logistic::Logistic, onnx::Onnx, trees::Trees};
use serde::{Deserialize, Serialize};

/// A numeric table, column by column. NaN means missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    rows: usize,
    cols: usize,
    data: Vec<f64>,
}

impl Table {
    /// From row-major values; `data.len()` must be a multiple of `cols`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the length does not fit.
    pub fn from_rows(cols: usize, data: &[f64]) -> Result<Self, Error> {
        Self::from_row_chunks(cols, &[data])
    }

    /// From pieces of row-major values, each of whole rows, in order.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a length does not fit.
    pub fn from_row_chunks(cols: usize, chunks: &[&[f64]]) -> Result<Self, Error> {
        if let Some(odd) = chunks.iter().find(|c| cols == 0 || !c.len().is_multiple_of(cols)) {
            return Err(Error::invalid("table", format!("{} values do not make rows of {cols}", odd.len())));
        }
        let rows = chunks.iter().map(|c| c.len() / cols.max(1)).sum();
        let mut data = vec![0.0; rows * cols];
        for (r, row) in chunks.iter().flat_map(|c| c.chunks_exact(cols.max(1))).enumerate() {
            for (c, &v) in row.iter().enumerate() {
                data[c * rows + r] = v;
            }
        }
        Ok(Self { rows, cols, data })
    }

    /// From column-major values.
    ///
    /// # Errors
    /// [`Error::Invalid`] if they do not make whole columns of `rows`.
    pub fn from_columns(rows: usize, data: Vec<f64>) -> Result<Self, Error> {
        if rows == 0 || !data.len().is_multiple_of(rows) {
            return Err(Error::invalid(
                "table",
                format!("{} values do not make columns of {rows}", data.len()),
            ));
        }
        Ok(Self { rows, cols: data.len() / rows, data })
    }

    /// Stacks tables with equal columns, in the order given.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the columns differ or there is none.
    pub fn stack(tables: &[&Table]) -> Result<Self, Error> {
        let cols = tables.first().map_or(0, |t| t.cols);
        if cols == 0 || tables.iter().any(|t| t.cols != cols) {
            return Err(Error::invalid("table", "tables to stack must have the same columns"));
        }
        let rows = tables.iter().map(|t| t.rows).sum();
        let mut data = Vec::with_capacity(rows * cols);
        for c in 0..cols {
            tables.iter().for_each(|t| data.extend_from_slice(t.col(c)));
        }
        Ok(Self { rows, cols, data })
    }

    /// The rows named, in that order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut data = Vec::with_capacity(rows.len() * self.cols);
        for c in 0..self.cols {
            let col = self.col(c);
            data.extend(rows.iter().map(|&r| col[r]));
        }
        Self { rows: rows.len(), cols: self.cols, data }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// A column.
    #[must_use]
    pub fn col(&self, col: usize) -> &[f64] {
        &self.data[col * self.rows..(col + 1) * self.rows]
    }

    /// A value.
    #[must_use]
    pub fn get(&self, row: usize, col: usize) -> f64 {
        self.data[col * self.rows + row]
    }

    /// All values, column-major.
    #[must_use]
    pub fn data(&self) -> &[f64] {
        &self.data
    }
}

/// Log-odds split into its parts: `bias + Σ parts` is the log-odds, up to rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct Contributions {
    /// What the model says about a row it knows nothing about.
    pub bias: f64,
    /// One per feature, in column order.
    pub parts: Vec<f64>,
}

impl Contributions {
    /// The log-odds.
    #[must_use]
    pub fn log_odds(&self) -> f64 {
        self.bias + self.parts.iter().sum::<f64>()
    }
}

/// A fitted binary classifier.
pub trait Model {
    /// Log-odds of each row; the table has the columns it was fitted on. Equal input gives equal
    /// bits, also after a round trip through serde.
    fn log_odds(&self, table: &Table) -> Vec<f64>;

    /// The log-odds of each row split by feature.
    fn contributions(&self, table: &Table) -> Vec<Contributions>;

    /// Probability of each row.
    fn predict(&self, table: &Table) -> Vec<f64> {
        self.log_odds(table).into_iter().map(sigmoid).collect()
    }
}

/// Something that fits a [`Model`]: labels are 0 or 1, one a row.
pub trait Learner {
    /// What it fits.
    type Fitted: Model;

    /// Fits; deterministic for equal input.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] without both classes, [`Error::Numerical`] if the method fails.
    fn fit(&self, table: &Table, labels: &[f64]) -> Result<Self::Fitted, Error>;
}

/// Any of the fitted kinds, as stored in a model version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AnyModel {
    /// Logistic regression.
    Logistic(Logistic),
    /// Gradient-boosted trees.
    Trees(Trees),
    /// The mean of log-odds of both, `share` of it from the trees: their errors differ.
    Blend {
        /// The linear part.
        logistic: Logistic,
        /// The tree part.
        trees: Trees,
        /// Weight of the trees in 0..=1.
        share: f64,
    },
    /// The mean of log-odds of several, at least one.
    Mean(Vec<Self>),
    /// Naive Bayes, where there is little to learn from.
    Bayes(Bayes),
    /// The sum of the columns, which are points that rules give; a missing one gives none.
    Points,
    /// A model that was trained elsewhere.
    Onnx(Onnx),
}

impl Model for AnyModel {
    fn log_odds(&self, table: &Table) -> Vec<f64> {
        match self {
            Self::Logistic(m) => m.log_odds(table),
            Self::Trees(m) => m.log_odds(table),
            Self::Bayes(m) => m.log_odds(table),
            Self::Points => self.contributions(table).iter().map(Contributions::log_odds).collect(),
            Self::Onnx(m) => m.log_odds(table),
            Self::Mean(of) => {
                let mut sum = vec![0.0; table.rows()];
                for model in of {
                    sum.iter_mut()
                        .zip(model.log_odds(table))
                        .for_each(|(sum, z)| *sum += z / of.len() as f64);
                }
                sum
            }
            Self::Blend { logistic, trees, share } => logistic
                .log_odds(table)
                .into_iter()
                .zip(trees.log_odds(table))
                .map(|(a, b)| (1.0 - share) * a + share * b)
                .collect(),
        }
    }

    fn contributions(&self, table: &Table) -> Vec<Contributions> {
        match self {
            Self::Logistic(m) => m.contributions(table),
            Self::Trees(m) => m.contributions(table),
            Self::Bayes(m) => m.contributions(table),
            Self::Points => {
                let points = |value: f64| if value.is_nan() { 0.0 } else { value };
                let row = |row| (0..table.cols()).map(|col| points(table.get(row, col))).collect();
                (0..table.rows()).map(|at| Contributions { bias: 0.0, parts: row(at) }).collect()
            }
            Self::Onnx(m) => m.contributions(table),
            Self::Mean(of) => {
                let none = Contributions { bias: 0.0, parts: vec![0.0; table.cols()] };
                let (mut sum, share) = (vec![none; table.rows()], 1.0 / of.len() as f64);
                for model in of {
                    for (sum, one) in sum.iter_mut().zip(model.contributions(table)) {
                        sum.bias += share * one.bias;
                        sum.parts.iter_mut().zip(one.parts).for_each(|(sum, part)| *sum += share * part);
                    }
                }
                sum
            }
            Self::Blend { logistic, trees, share } => logistic
                .contributions(table)
                .into_iter()
                .zip(trees.contributions(table))
                .map(|(a, b)| Contributions {
                    bias: (1.0 - share) * a.bias + share * b.bias,
                    parts: a.parts.iter().zip(&b.parts).map(|(x, y)| (1.0 - share) * x + share * y).collect(),
                })
                .collect(),
        }
    }
}

/// `1 / (1 + exp(-z))`.
#[must_use]
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Checks what every learner needs.
pub(crate) fn check(table: &Table, labels: &[f64]) -> Result<(), Error> {
    if labels.len() != table.rows() {
        return Err(Error::invalid("labels", format!("{} for {} rows", labels.len(), table.rows())));
    }
    let yes = labels.iter().filter(|&&y| y > 0.5).count();
    if yes == 0 || yes == labels.len() {
        return Err(Error::NotEnoughData {
            needed: "examples of both outcomes".into(),
            have: format!("{yes} that came true of {}", labels.len()),
        });
    }
    Ok(())
}
