//! Gates: what a model has to reach before it is published.

use super::Slice;
use crate::{Error, words};
use serde::{Deserialize, Serialize};

/// Width of a 99 % interval of a normal distribution over that of its 95 % interval: 2.5758 / 1.9600.
const WIDER: f64 = 1.314_224;

/// A measure of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Number of rows.
    Rows,
    /// Area under the ROC curve.
    Auc,
    /// Lower end of its 95 % interval.
    AucLow,
    /// Lower end of its 99 % interval.
    AucLow99,
    /// Average precision.
    AveragePrecision,
    /// Brier score.
    Brier,
    /// Log loss, nats.
    LogLoss,
    /// Expected calibration error.
    CalibrationError,
    /// The same less what chance alone would make of it on so few rows; from 0.
    CalibrationBeyondChance,
    /// Lift of the best 10 %.
    LiftTop,
}

impl Measure {
    /// Its value; `None` where it does not exist.
    #[must_use]
    pub fn of(self, slice: &Slice) -> Option<f64> {
        match self {
            Self::Rows => Some(slice.rows as f64),
            Self::Auc => slice.auc,
            Self::AucLow => slice.auc_interval.map(|i| i.low),
            Self::AucLow99 => {
                slice.auc.zip(slice.auc_interval).map(|(auc, i)| (auc - WIDER * (auc - i.low)).max(0.0))
            }
            Self::AveragePrecision => slice.average_precision,
            Self::Brier => slice.brier,
            Self::LogLoss => slice.log_loss,
            Self::CalibrationError => slice.ece,
            Self::CalibrationBeyondChance => {
                slice.ece.zip(slice.ece_chance).map(|(error, chance)| (error - chance).max(0.0))
            }
            Self::LiftTop => slice.lift_top,
        }
    }

    /// Its name in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Auc => "AUC",
            Self::AucLow => "lower end of the AUC",
            Self::AucLow99 => "lower end of the AUC at 99 %",
            Self::AveragePrecision => "average precision",
            Self::Brier => "Brier score",
            Self::LogLoss => "log loss",
            Self::CalibrationError => "calibration error",
            Self::CalibrationBeyondChance => "calibration error beyond chance",
            Self::LiftTop => "lift at 10%",
        }
    }
}

/// What is asked of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

/// Of which rows it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All rows together.
    #[default]
    Overall,
    /// Each slice of at least so many rows; in smaller ones chance has the word.
    SlicesFrom(u64),
}

/// A gate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What is measured.
    pub measure: Measure,
    /// What it has to reach.
    pub bound: Bound,
    /// Where.
    #[serde(default)]
    pub scope: Scope,
}

impl Gate {
    /// What a model must reach on rows it has not seen before anyone is shown its scores: an AUC whose
    /// 99 % interval lies above one half (else it has no skill: of runs on noise, which may be daily, one in
    /// forty would pass at 95 %) and that is at least 0.55, a calibration error of at most 0.1 beyond what
    /// chance explains, a lift of at least 1.1.
    #[must_use]
    pub fn published() -> Vec<Self> {
        [
            (Measure::AucLow99, Bound::AtLeast(0.5)),
            (Measure::Auc, Bound::AtLeast(0.55)),
            (Measure::CalibrationBeyondChance, Bound::AtMost(0.1)),
            (Measure::LiftTop, Bound::AtLeast(1.1)),
        ]
        .map(|(measure, bound)| Self { measure, bound, scope: Scope::Overall })
        .to_vec()
    }

    /// # Errors
    /// [`Error::Invalid`] if the bound is not a number.
    pub(super) fn check(&self) -> Result<(), Error> {
        let (Bound::AtLeast(b) | Bound::AtMost(b)) = self.bound;
        if b.is_finite() { Ok(()) } else { Err(Error::invalid("gate", "a finite bound")) }
    }

    pub(super) fn judge(&self, overall: &Slice, slices: &[Slice]) -> Vec<Gated> {
        match self.scope {
            Scope::Overall => vec![self.of(overall)],
            Scope::SlicesFrom(rows) => {
                let judged: Vec<Gated> =
                    slices.iter().filter(|s| s.rows >= rows).map(|s| self.of(s)).collect();
                // A gate that nothing was held against has not been passed.
                if judged.is_empty() { vec![self.none(rows)] } else { judged }
            }
        }
    }

    fn none(&self, rows: u64) -> Gated {
        let words = format!("{} of the slices: none has {}", self.measure.name(), words::rows(rows));
        Gated { gate: *self, dimension: None, slice: "no slice".into(), value: None, passed: false, words }
    }

    /// A measure that does not exist does not pass.
    fn of(&self, slice: &Slice) -> Gated {
        let value = self.measure.of(slice);
        let (passed, asked) = match self.bound {
            Bound::AtLeast(b) => (value.is_some_and(|v| v >= b), format!("at least {b}")),
            Bound::AtMost(b) => (value.is_some_and(|v| v <= b), format!("at most {b}")),
        };
        let have = value.map_or("not known".into(), |v| match self.measure {
            Measure::Rows => format!("{v}"),
            _ => format!("{v:.4}"),
        });
        let words = format!("{} of {}: {have}, {asked} asked", self.measure.name(), slice.title());
        Gated {
            gate: *self,
            dimension: slice.dimension.clone(),
            slice: slice.name.clone(),
            value,
            passed,
            words,
        }
    }
}

/// A gate judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gated {
    /// The gate.
    pub gate: Gate,
    /// What the slice is cut by; `None` for all rows.
    pub dimension: Option<String>,
    /// Name of the slice.
    pub slice: String,
    /// What was measured; `None` if it does not exist.
    pub value: Option<f64>,
    /// Whether it passed.
    pub passed: bool,
    /// In a sentence.
    pub words: String,
}
