//! Which product to raise with which account: candidates, ranking, honest probabilities.
//!
//! Two models, one for products an account has bought and one for products new to it, each a mean
//! of logistic regression and shallow trees in log-odds. They learn from several cutoffs before
//! the as-of day whose outcome is known by then. Picking the best of many candidates overstates,
//! so both are calibrated on the best candidate of each account at the latest such cutoff, by a
//! model that has not seen its outcome, and only then refitted on everything.

pub mod features;
mod products;
mod rank;
mod train;

pub use rank::{Candidate, Contribution, RankOptions};

use crate::{calibrate::Platt, model::AnyModel};
use serde::{Deserialize, Serialize};

/// Where a candidate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    /// Bought before.
    Reorder,
    /// Not bought yet, but bought together with what was.
    CoPurchase,
    /// The staple of an account that used to order evenly and is clearly late.
    GoingQuiet,
}

/// How candidates are found and learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairConfig {
    /// How far ahead a recommendation may come true, days; also the unit of all windows.
    pub horizon_days: f64,
    /// Bought products kept per account before scoring.
    pub known_candidates: usize,
    /// New products kept per account before scoring.
    pub new_candidates: usize,
    /// Products in the co-purchase model, by popularity; memory is 8 bytes × its square.
    pub ease_products: usize,
    /// Ridge of the co-purchase model, in accounts.
    pub ease_lambda: f32,
    /// Training cutoffs lie `horizon × (1 + k × step)` before the as-of day, `k` from 0.
    pub cutoff_step: f64,
    /// Number of training cutoffs, at most.
    pub cutoffs: usize,
    /// Accounts each training cutoff learns from, at most; a seeded draw above that.
    pub max_training_accounts: usize,
    /// Share of the trees in the blend, for known and new products.
    pub tree_share: [f64; 2],
    /// Ridge of the logistic parts.
    pub l2: [f64; 2],
    /// Number of trees.
    pub trees: usize,
    /// Orders an account must have to be able to go quiet.
    pub quiet_min_orders: u32,
    /// Seed of all draws.
    pub seed: u64,
}

impl Default for PairConfig {
    fn default() -> Self {
        Self {
            horizon_days: 30.0,
            known_candidates: 8,
            new_candidates: 10,
            ease_products: 2000,
            ease_lambda: 300.0,
            cutoff_step: 0.5,
            cutoffs: 5,
            max_training_accounts: 20_000,
            tree_share: [0.0, 0.5],
            l2: [300.0, 300.0],
            trees: 60,
            quiet_min_orders: 5,
            seed: 1,
        }
    }
}

/// A trained ranker; everything a stored version needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairModel {
    /// What it was trained with.
    pub config: PairConfig,
    /// As-of day of the training, microseconds UTC.
    pub trained_at: i64,
    /// Share of candidates that came true in training, known and new.
    pub base_rate: [f64; 2],
    /// Number of training rows, known and new.
    pub training_rows: [usize; 2],
    models: [AnyModel; 2],
    calibration: [Platt; 2],
}
