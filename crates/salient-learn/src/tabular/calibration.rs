//! From a learner's log-odds to a probability that holds, with contributions that still add up.

use serde::{Deserialize, Serialize};

use crate::{
    Error,
    calibrate::{Isotonic, Platt},
    metrics::log_loss,
    model::{Contributions, sigmoid},
};

/// Examples of the rarer outcome from which a free curve is considered; fewer would bend it after
/// chance (Niculescu-Mizil and Caruana 2005 need about a thousand in all).
const CURVE: usize = 500;
/// Observations' worth by which little data is drawn to no correction.
const PULL: f64 = 20.0;

/// How log-odds become probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Calibration {
    /// A straight line over log-odds.
    Platt(Platt),
    /// A rising curve.
    Isotonic {
        /// Over log-odds.
        curve: Isotonic,
        /// Probabilities are held this far from 0 and 1: what was never seen is not impossible.
        edge: f64,
    },
}

impl Default for Calibration {
    fn default() -> Self {
        Self::Platt(Platt::default())
    }
}

impl Calibration {
    /// Fits on log-odds of examples that the learner had not seen, in the order of time: a curve where
    /// there is enough data and it does better on the later half, else a line.
    ///
    /// # Errors
    /// As of [`Platt::fit`] and [`Isotonic::fit`].
    pub fn fit(log_odds: &[f64], labels: &[f64]) -> Result<Self, Error> {
        let yes = labels.iter().filter(|&&y| y > 0.5).count();
        let line = Self::line(log_odds, labels)?;
        if yes.min(labels.len() - yes) < CURVE {
            return Ok(line);
        }
        let half = labels.len() / 2;
        let loss = |of: &Self| {
            let p: Vec<f64> = log_odds[half..].iter().map(|&z| of.probability(z)).collect();
            log_loss(&labels[half..], &p)
        };
        let earlier = (&log_odds[..half], &labels[..half]);
        if loss(&Self::curve(earlier.0, earlier.1)?) < loss(&Self::line(earlier.0, earlier.1)?) {
            return Self::curve(log_odds, labels);
        }
        Ok(line)
    }

    fn line(log_odds: &[f64], labels: &[f64]) -> Result<Self, Error> {
        Platt::fit(log_odds, labels, PULL).map(Self::Platt)
    }

    fn curve(log_odds: &[f64], labels: &[f64]) -> Result<Self, Error> {
        let edge = 1.0 / (labels.len() as f64 + 2.0);
        Ok(Self::Isotonic { curve: Isotonic::fit(log_odds, labels)?, edge })
    }

    /// The calibrated log-odds.
    #[must_use]
    pub fn log_odds(&self, z: f64) -> f64 {
        match self {
            Self::Platt(line) => line.log_odds(z),
            Self::Isotonic { curve, edge } => {
                let p = curve.probability(z).clamp(*edge, 1.0 - edge);
                (p / (1.0 - p)).ln()
            }
        }
    }

    /// The calibrated probability.
    #[must_use]
    pub fn probability(&self, z: f64) -> f64 {
        sigmoid(self.log_odds(z))
    }

    /// Contributions to the calibrated log-odds. A line scales each by its slope; a curve by its mean
    /// slope between the bias and the score, which keeps their proportions and their sum.
    #[must_use]
    pub fn contributions(&self, from: &Contributions) -> Contributions {
        let (z, bias) = (from.log_odds(), self.log_odds(from.bias));
        let calibrated = self.log_odds(z);
        let way = z - from.bias;
        let scale = match self {
            Self::Platt(line) => line.slope,
            Self::Isotonic { .. } if way.abs() > 1e-12 => (calibrated - bias) / way,
            Self::Isotonic { .. } => 0.0,
        };
        let parts: Vec<f64> = from.parts.iter().map(|part| scale * part).collect();
        // the bias takes up the rounding
        Contributions { bias: calibrated - parts.iter().sum::<f64>(), parts }
    }
}
