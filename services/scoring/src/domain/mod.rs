//! Versions, scores and grades, as this service speaks of them. Pure.

mod grade;
mod score;
mod subject;
mod version;

pub use grade::{Grade, GradeBounds};
pub use score::{Contribution, Earlier, Frozen, Input, Score, Subjects, TREND_DAYS, Trend, declared, score};
pub use subject::{Member, SubjectKind};
pub use version::{Body, Model, Published, State};

/// Days ahead that the built-in model speaks of.
pub const HORIZON_DAYS: f64 = 30.0;

/// What the built-in model predicts.
pub const TARGET: &str = "order_within_30_days";
