//! Models that were trained elsewhere, in the Open Neural Network Exchange format (ONNX, <https://onnx.ai>).
//!
//! Accepted is a file with one input of 32-bit floats, `[rows, features]`, and a result that is the
//! probability of a row, `[rows]`, `[rows, 1]` or `[rows, 2]` with that of the target last. The operators are
//! run by the `tract` crate, which knows those of neural networks, of linear models and of ensembles of
//! trees; it is there with the feature `onnx`. Exports of scikit-learn and LightGBM are read as they come.
//!
//! A value that is missing is given as the median of the examples. A row is always run alone, so that equal
//! input gives equal bits however many are scored. What each feature adds are its Shapley values against
//! the medians (Sundararajan and Najmi 2020, "The many Shapley values for model explanation"), as the mean over
//! a few orders of the features that are drawn once, each with its reverse (Castro, Gómez and Tejada 2009):
//! they sum to the log-odds by construction, and are exact where features do not interact.

#[cfg(feature = "onnx")]
mod run;
#[cfg(feature = "onnx")]
#[cfg(test)]
mod tests;
#[cfg(feature = "onnx")]
mod tidy;

#[cfg(not(feature = "onnx"))]
mod run {
    //! Without the feature there is no model.

    use crate::Error;

    /// None.
    #[derive(Debug)]
    pub(super) enum Program {}

    impl Program {
        pub(super) fn new(_file: &[u8], _features: usize) -> Result<Self, Error> {
            Err(Error::invalid("onnx", "this build runs no such models; it takes the feature `onnx`"))
        }

        pub(super) fn probability(&self, _row: &[f64]) -> f64 {
            match *self {}
        }
    }
}

use std::sync::{Arc, OnceLock};

use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use run::Program;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    frame::{Column, Frame},
    model::{Contributions, Model, Table},
    robust::median,
};

/// Bytes of a file at most.
pub const MOST: usize = 2 << 20;
/// Orders of the features that are tried, half of them the reverse of the other half.
const ORDERS: usize = 8;
/// Probabilities are held this far from 0 and 1: log-odds have to be finite.
const EDGE: f64 = 1e-6;

/// A model that was trained elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Onnx {
    #[serde(with = "base64")]
    file: Vec<u8>,
    /// What stands for a missing value of each feature: the median of the examples.
    typical: Vec<f64>,
    #[serde(skip)]
    program: OnceLock<Option<Arc<Program>>>,
}

impl PartialEq for Onnx {
    fn eq(&self, other: &Self) -> bool {
        (&self.file, &self.typical) == (&other.file, &other.typical)
    }
}

impl Onnx {
    /// Reads a file as a model of the columns of a frame.
    ///
    /// # Errors
    /// [`Error::Invalid`] as of [`Self::check`], for a column of texts, and for one that is always missing.
    pub fn new(file: &[u8], frame: &Frame) -> Result<Self, Error> {
        Self::check(file, frame.names().len())?;
        let typical = frame.names().iter().zip(frame.columns()).map(|(name, column)| match column {
            Column::Number(values) => {
                let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
                median(&known).ok_or_else(|| Error::invalid("onnx", format!("{name} is always missing")))
            }
            Column::Category { .. } => Err(Error::invalid("onnx", format!("{name} holds texts"))),
        });
        Ok(Self {
            file: file.to_vec(),
            typical: typical.collect::<Result<_, _>>()?,
            program: OnceLock::new(),
        })
    }

    /// Whether a file can be run with this many features.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong: its size, what it is made of, operators that are not known, shapes
    /// that do not fit, or a result that is no probability.
    pub fn check(file: &[u8], features: usize) -> Result<(), Error> {
        if file.is_empty() || file.len() > MOST {
            let why = format!("{} bytes; 1 to {MOST} are accepted", file.len());
            return Err(Error::invalid("onnx", why));
        }
        let program = Program::new(file, features)?;
        let told = program.probability(&vec![0.0; features]);
        if (0.0..=1.0).contains(&told) {
            return Ok(());
        }
        let why = format!("of a row of zeros it says {told}; a probability, 0 to 1, is accepted");
        Err(Error::invalid("onnx", why))
    }

    /// NaN for what is no probability; whoever asks refuses it.
    fn one(&self, row: &[f64]) -> f64 {
        let program = self.program.get_or_init(|| {
            // it was run before it was kept; where it cannot be now it says nothing
            Program::new(&self.file, self.typical.len()).ok().map(Arc::new)
        });
        let told = program.as_ref().map_or(f64::NAN, |program| program.probability(row));
        if !(0.0..=1.0).contains(&told) {
            return f64::NAN;
        }
        let p = told.clamp(EDGE, 1.0 - EDGE);
        (p / (1.0 - p)).ln()
    }

    fn row(&self, table: &Table, row: usize) -> Vec<f64> {
        let known = |value: f64, typical: f64| if value.is_nan() { typical } else { value };
        self.typical.iter().enumerate().map(|(col, &typical)| known(table.get(row, col), typical)).collect()
    }

    fn orders(&self) -> Vec<Vec<usize>> {
        let mut random = StdRng::seed_from_u64(1);
        let mut order: Vec<usize> = (0..self.typical.len()).collect();
        let mut orders = Vec::with_capacity(ORDERS);
        for _ in 0..ORDERS / 2 {
            order.shuffle(&mut random);
            orders.push(order.clone());
            orders.push(order.iter().rev().copied().collect());
        }
        orders
    }
}

impl Model for Onnx {
    fn log_odds(&self, table: &Table) -> Vec<f64> {
        (0..table.rows()).map(|row| self.one(&self.row(table, row))).collect()
    }

    fn contributions(&self, table: &Table) -> Vec<Contributions> {
        let (bias, orders) = (self.one(&self.typical), self.orders());
        let of = |row: usize| {
            let values = self.row(table, row);
            let mut parts = vec![0.0; values.len()];
            for order in &orders {
                let (mut now, mut before) = (self.typical.clone(), bias);
                // a feature that has the typical value adds nothing, and needs no run
                for &at in order.iter().filter(|&&at| values[at] != self.typical[at]) {
                    now[at] = values[at];
                    let after = self.one(&now);
                    parts[at] += (after - before) / orders.len() as f64;
                    before = after;
                }
            }
            Contributions { bias, parts }
        };
        (0..table.rows()).map(of).collect()
    }
}

/// Bytes as text.
mod base64 {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
