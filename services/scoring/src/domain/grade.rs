//! A probability in four steps.

use serde::{Deserialize, Serialize};

/// Where grades begin; descending.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradeBounds {
    /// Probability from which a score is an A.
    pub a: f64,
    /// From which it is a B.
    pub b: f64,
    /// From which it is a C; what is less is a D.
    pub c: f64,
}

impl Default for GradeBounds {
    fn default() -> Self {
        Self { a: 0.6, b: 0.35, c: 0.15 }
    }
}

/// A probability in four steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// From the first bound on.
    A,
    /// From the second.
    B,
    /// From the third.
    C,
    /// Below.
    D,
}

impl GradeBounds {
    /// The grade of a probability.
    #[must_use]
    pub fn grade(&self, probability: f64) -> Grade {
        match probability {
            p if p >= self.a => Grade::A,
            p if p >= self.b => Grade::B,
            p if p >= self.c => Grade::C,
            _ => Grade::D,
        }
    }
}
