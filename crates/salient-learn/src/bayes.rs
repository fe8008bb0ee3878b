//! Naive Bayes, where there are too few examples for anything else.
//!
//! Columns are taken as independent and, within each outcome, as normal with one variance for both
//! (Hand and Yu 2001, "Idiot's Bayes: not so stupid after all?"); so the log-odds are a sum over
//! columns, and a missing value adds nothing. The means of the outcomes are drawn to their common
//! mean, the more the fewer examples there are.

use serde::{Deserialize, Serialize};

use crate::{
    Error,
    model::{Contributions, Learner, Model, Table, check},
};

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BayesLearner {
    /// Examples' worth of the common mean that each outcome's mean is drawn by.
    pub prior: f64,
}

impl Default for BayesLearner {
    fn default() -> Self {
        Self { prior: 10.0 }
    }
}

/// Fitted log-odds: a level and, for each column, a slope around a middle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bayes {
    prior: f64,
    slope: Vec<f64>,
    middle: Vec<f64>,
    reach: Vec<f64>,
}

/// Values further from the middle than this many standard deviations count as that far.
const CLIP: f64 = 4.0;

impl Bayes {
    fn part(&self, column: usize, value: f64) -> f64 {
        if value.is_nan() {
            return 0.0;
        }
        let reach = self.reach[column];
        self.slope[column] * (value - self.middle[column]).clamp(-reach, reach)
    }
}

impl Model for Bayes {
    fn log_odds(&self, table: &Table) -> Vec<f64> {
        let mut out = vec![self.prior; table.rows()];
        for column in 0..table.cols() {
            out.iter_mut().zip(table.col(column)).for_each(|(z, &value)| *z += self.part(column, value));
        }
        out
    }

    fn contributions(&self, table: &Table) -> Vec<Contributions> {
        let parts = |row| (0..table.cols()).map(|column| self.part(column, table.get(row, column))).collect();
        (0..table.rows()).map(|row| Contributions { bias: self.prior, parts: parts(row) }).collect()
    }
}

impl Learner for BayesLearner {
    type Fitted = Bayes;

    fn fit(&self, table: &Table, labels: &[f64]) -> Result<Bayes, Error> {
        check(table, labels)?;
        let (n, yes) = (labels.len() as f64, labels.iter().sum::<f64>());
        let mut out = Bayes {
            prior: ((yes + 0.5) / (n - yes + 0.5)).ln(),
            slope: Vec::with_capacity(table.cols()),
            middle: Vec::with_capacity(table.cols()),
            reach: Vec::with_capacity(table.cols()),
        };
        for column in 0..table.cols() {
            let (slope, middle, reach) = self.column(table.col(column), labels);
            out.slope.push(slope);
            out.middle.push(middle);
            out.reach.push(reach);
        }
        Ok(out)
    }
}

impl BayesLearner {
    /// Slope, middle and reach of one column.
    fn column(&self, values: &[f64], labels: &[f64]) -> (f64, f64, f64) {
        let known = || values.iter().zip(labels).filter(|(value, _)| !value.is_nan());
        let mut count = [0.0; 2];
        let mut sum = [0.0; 2];
        for (value, label) in known() {
            count[usize::from(*label > 0.5)] += 1.0;
            sum[usize::from(*label > 0.5)] += value;
        }
        let all = count[0] + count[1];
        if all < 2.0 {
            return (0.0, 0.0, 0.0);
        }
        let common = (sum[0] + sum[1]) / all;
        let mean = [0, 1].map(|k| (sum[k] + self.prior * common) / (count[k] + self.prior));
        let squares: f64 =
            known().map(|(value, label)| (value - mean[usize::from(*label > 0.5)]).powi(2)).sum();
        let variance = squares / all;
        if variance <= 1e-12 * (1.0 + common * common) {
            return (0.0, common, 0.0);
        }
        ((mean[1] - mean[0]) / variance, f64::midpoint(mean[0], mean[1]), CLIP * variance.sqrt())
    }
}
