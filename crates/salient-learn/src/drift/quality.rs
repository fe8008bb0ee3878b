//! How well probabilities did once the outcomes are known, at publishing and after.

use crate::{
    Error,
    metrics::{auc, calibration_chance, calibration_error, groups, wilson},
    report::{Bounds, auc_interval, auc_standard_error, check},
};
use serde::{Deserialize, Serialize};

/// Groups of the calibration error.
const GROUPS: usize = 10;

/// Measures of probabilities against outcomes. Intervals are at 95 % and take rows as independent;
/// rows of one seller are not quite, so that the true ones are somewhat wider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Outcomes known.
    pub rows: u64,
    /// Of them, those that came true.
    pub successes: u64,
    /// Mean promised probability.
    pub promised: f64,
    /// Standard deviation of the share kept had every promise been right: `√Σp(1−p) / rows`.
    pub promised_sd: f64,
    /// Share that came true.
    pub kept: f64,
    /// Wilson interval of it.
    pub kept_interval: Bounds,
    /// Area under the ROC curve; `None` with a single outcome.
    pub auc: Option<f64>,
    /// Its standard error ([`auc_standard_error`]); `None` below two of each outcome.
    pub auc_se: Option<f64>,
    /// Its interval.
    pub auc_interval: Option<Bounds>,
    /// Expected calibration error over ten groups of equal size.
    pub calibration_error: f64,
    /// Mean of that error had every promise been right ([`calibration_chance`]).
    pub chance_error: f64,
    /// Standard deviation of it, `√ΣV(1 − 2/π) / rows`.
    pub chance_error_sd: f64,
}

impl Quality {
    /// Of labels (0 or 1) and probabilities, equally many.
    ///
    /// # Errors
    /// [`Error::Invalid`] if lengths differ or a value is out of range, [`Error::NotEnoughData`]
    /// without rows.
    pub fn of(labels: &[f64], probability: &[f64]) -> Result<Self, Error> {
        check(labels, probability)?;
        if labels.is_empty() {
            return Err(Error::NotEnoughData { needed: "one known outcome".into(), have: "none".into() });
        }
        let n = labels.len() as f64;
        let successes = labels.iter().filter(|&&y| y > 0.5).count() as u64;
        let variance: f64 = groups(labels, probability, GROUPS).iter().map(|g| g.variance).sum();
        let rest = 1.0 - std::f64::consts::FRAC_2_PI;
        Ok(Self {
            rows: labels.len() as u64,
            successes,
            promised: probability.iter().sum::<f64>() / n,
            promised_sd: variance.sqrt() / n,
            kept: successes as f64 / n,
            kept_interval: wilson(successes, labels.len() as u64, 0.95).into(),
            auc: Some(auc(labels, probability)).filter(|a| a.is_finite()),
            auc_se: auc_standard_error(labels, probability),
            auc_interval: auc_interval(labels, probability, 0.95),
            calibration_error: calibration_error(labels, probability, GROUPS),
            chance_error: calibration_chance(labels, probability, GROUPS),
            chance_error_sd: (variance * rest).sqrt() / n,
        })
    }
}
