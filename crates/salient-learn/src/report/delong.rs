//! How sure we are of an AUC: its standard error after `DeLong`, `DeLong` & Clarke-Pearson (1988),
//! *Comparing the areas under two or more correlated receiver operating characteristic curves*.
//!
//! The AUC is the mean over successes of the share of failures each beats; its variance is the
//! variance of those shares over the number of successes plus the same of the failures. No shape
//! of the scores is assumed, and ties count one half. Rows are taken as independent.

use super::Bounds;
use crate::metrics::{auc, steps, wilson};
use statrs::distribution::{ContinuousCDF, Normal};

/// Standard error of the AUC; `None` below two of each outcome. 0 if the scores separate fully.
#[must_use]
pub fn auc_standard_error(labels: &[f64], score: &[f64]) -> Option<f64> {
    let steps = steps(labels, score);
    let yes: f64 = steps.iter().map(|s| s.yes).sum();
    let no: f64 = steps.iter().map(|s| s.no).sum();
    if yes < 2.0 || no < 2.0 {
        return None;
    }
    let mean = auc(labels, score);
    let (mut above, mut below, mut of_yes, mut of_no) = (0.0, no, 0.0, 0.0);
    for s in &steps {
        below -= s.no;
        of_yes += s.yes * ((below + s.no / 2.0) / no - mean).powi(2);
        of_no += s.no * ((above + s.yes / 2.0) / yes - mean).powi(2);
        above += s.yes;
    }
    Some((of_yes / (yes - 1.0) / yes + of_no / (no - 1.0) / no).sqrt())
}

/// Interval of the AUC, normal with the error of [`auc_standard_error`] and cut at 0 and 1. Where the
/// scores separate fully that error is 0 and says nothing; the end then is Wilson's for as many
/// trials without a miss as there are rows of the rarer outcome, which is cautious. `None` below
/// two of each outcome.
#[must_use]
pub fn auc_interval(labels: &[f64], score: &[f64], confidence: f64) -> Option<Bounds> {
    let se = auc_standard_error(labels, score)?;
    let (area, yes) = (auc(labels, score), labels.iter().sum::<f64>());
    let rarer = yes.min(labels.len() as f64 - yes) as u64;
    if area >= 1.0 {
        return Some(Bounds { low: wilson(rarer, rarer, confidence).low, high: 1.0 });
    }
    if area <= 0.0 {
        return Some(Bounds { low: 0.0, high: wilson(0, rarer, confidence).high });
    }
    let half = se * Normal::standard().inverse_cdf(0.5 + confidence.clamp(0.0, 1.0 - 1e-12) / 2.0);
    Some(Bounds { low: (area - half).max(0.0), high: (area + half).min(1.0) })
}
