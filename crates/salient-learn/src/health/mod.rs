//! Health of an account that is bound by no contract: a score of 0..100 that can be taken apart.
//!
//! The score is the weighted mean of components between 0 and 1. Those of change are a share,
//! `(recent + p/2) / (recent + earlier + p)`, over two windows of one length: 1/2 says as much as
//! before, 1 all of it is new, 0 none is left; the pseudo-count `p` keeps little evidence near 1/2.
//! The idea of judging silence by the account's own rhythm is that of the customer-base models
//! (Schmittlein, Morrison & Colombo 1987; Platzer & Reutterer 2016 for regular buyers), in a form
//! that can be explained in a sentence. A component that cannot be known drops out and the weights
//! of the others make up for it.

mod parts;
mod record;

pub use record::{Issue, Order, Record, Usage};

use crate::{Error, history::DAY_US};
use parts::{change, enough, parts, total, weight};
use record::Seen;
use serde::{Deserialize, Serialize};

/// A component of the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Silence against the account's own typical gap: 1 up to one gap, then halved per further gap.
    Recency,
    /// Change of the number of orders.
    Frequency,
    /// Change of the amount.
    Monetary,
    /// Change of the number of different products.
    Breadth,
    /// Support issues: 1 without any, 1/2 at the tolerable burden.
    Support,
    /// Change of usage.
    Usage,
}

/// Weights of the components, from 0 (switched off); only their ratios matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// Of [`Kind::Recency`]. Default 30.
    pub recency: f64,
    /// Of [`Kind::Frequency`]. Default 20.
    pub frequency: f64,
    /// Of [`Kind::Monetary`]. Default 20.
    pub monetary: f64,
    /// Of [`Kind::Breadth`]. Default 10.
    pub breadth: f64,
    /// Of [`Kind::Support`]. Default 10.
    pub support: f64,
    /// Of [`Kind::Usage`]. Default 10.
    pub usage: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { recency: 30.0, frequency: 20.0, monetary: 20.0, breadth: 10.0, support: 10.0, usage: 10.0 }
    }
}

impl Weights {
    /// Every component with its weight.
    #[must_use]
    pub fn all(&self) -> [(Kind, f64); 6] {
        [
            (Kind::Recency, self.recency),
            (Kind::Frequency, self.frequency),
            (Kind::Monetary, self.monetary),
            (Kind::Breadth, self.breadth),
            (Kind::Support, self.support),
            (Kind::Usage, self.usage),
        ]
    }
}

/// How to score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Weights of the components.
    pub weights: Weights,
    /// Days of each of the two windows of change. Stretched to two typical gaps of a slow buyer,
    /// cut to half the time since the first order of a new one. Default 182.
    pub window_days: f64,
    /// Fewest buying occasions for anything about orders; at least 2. Default 3.
    pub min_orders: usize,
    /// Days over which issues count; open ones always do. Default 90.
    pub support_days: f64,
    /// Sum of severities at which support counts one half. Default 2.
    pub tolerable_issues: f64,
    /// Usage periods in each of the two windows. Default 3.
    pub usage_periods: usize,
    /// Smallest share of all weight that the known components must hold. Default 0.4.
    pub min_weight: f64,
    /// Days between the score and the earlier one it is compared with. Default 90.
    pub compare_days: f64,
    /// Points of change, up or down, that still count as steady. Default 5.
    pub steady_points: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            window_days: 182.0,
            min_orders: 3,
            support_days: 90.0,
            tolerable_issues: 2.0,
            usage_periods: 3,
            min_weight: 0.4,
            compare_days: 90.0,
            steady_points: 5.0,
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), Error> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let weights = self.weights.all();
        if weights.iter().any(|w| !w.1.is_finite() || w.1 < 0.0) || !positive(total(self)) {
            return Err(Error::invalid("weights", "numbers from 0, at least one above"));
        }
        if ![self.window_days, self.support_days, self.compare_days].into_iter().all(positive) {
            return Err(Error::invalid("window_days", "windows must be positive"));
        }
        if !positive(self.tolerable_issues) || self.usage_periods == 0 || self.min_orders < 2 {
            return Err(Error::invalid("min_orders", "two orders, one usage period, tolerable above 0"));
        }
        if !(0.0..=1.0).contains(&self.min_weight) || !(0.0..=100.0).contains(&self.steady_points) {
            return Err(Error::invalid("min_weight", "within 0..=1, and steady_points within 0..=100"));
        }
        Ok(())
    }
}

/// The numbers behind a component, ready for words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    /// Silence.
    Silence {
        /// Days since the last order.
        days: f64,
        /// Days typically between two.
        typical_gap_days: f64,
    },
    /// Change: orders, minor units, products or events, by component.
    Change {
        /// In the window up to the cutoff.
        recent: f64,
        /// In the window before it.
        earlier: f64,
        /// Days of each window.
        window_days: f64,
    },
    /// Support issues.
    Issues {
        /// Issues opened in the window or still open.
        count: usize,
        /// Of them, open at the cutoff.
        open: usize,
        /// Sum of their severities.
        burden: f64,
        /// Days of the window.
        window_days: f64,
    },
}

/// One component of a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Which.
    pub kind: Kind,
    /// 0 (bad) to 1 (good).
    pub value: f64,
    /// Share of the weight of all known components.
    pub weight: f64,
    /// Points of the score: `100 · weight · value`.
    pub points: f64,
    /// What the value was computed from.
    pub facts: Facts,
}

/// How the score has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Up by more than the steady points.
    Improving,
    /// Within the steady points.
    Steady,
    /// Down by more than the steady points.
    Declining,
    /// The earlier score cannot be had.
    NotEnoughInformation,
}

/// Health of an account at a cutoff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// 0..=100, the sum of the components' points. An account that goes on as ever, without support
    /// issues, has 70 with the default weights.
    pub score: f64,
    /// Known components.
    pub components: Vec<Component>,
    /// Components that could not be known.
    pub missing: Vec<Kind>,
    /// Change against the earlier cutoff.
    pub trend: Trend,
    /// Points of change over the components known at both cutoffs, weighted anew.
    pub change: Option<f64>,
}

/// Scores an account on what was known before `cutoff` (microseconds UTC).
///
/// # Errors
/// [`Error::Invalid`] for a config or record out of bounds, [`Error::NotEnoughData`] if the known
/// components hold less than `min_weight` of all weight.
pub fn health(record: &Record, cutoff: i64, config: &Config) -> Result<Health, Error> {
    config.check()?;
    record.check()?;
    let now = parts(&Seen::at(record, cutoff), config);
    let known = weight(&now);
    if !enough(&now, config) {
        return Err(Error::NotEnoughData {
            needed: format!("components with {} % of the weight", 100.0 * config.min_weight),
            have: format!("{:.0} %", 100.0 * known / total(config)),
        });
    }
    let components: Vec<Component> = now.iter().map(|p| p.component(known)).collect();
    let missing =
        config.weights.all().into_iter().filter(|&(kind, w)| w > 0.0 && !now.iter().any(|p| p.kind == kind));
    let compare = (config.compare_days * DAY_US as f64).round() as i64;
    let earlier = parts(&Seen::at(record, cutoff.saturating_sub(compare)), config);
    let change = change(&now, &earlier, config);
    Ok(Health {
        score: components.iter().map(|c| c.points).sum::<f64>().clamp(0.0, 100.0),
        missing: missing.map(|m| m.0).collect(),
        components,
        trend: trend(change, config.steady_points),
        change,
    })
}

fn trend(change: Option<f64>, steady: f64) -> Trend {
    match change {
        None => Trend::NotEnoughInformation,
        Some(c) if c > steady => Trend::Improving,
        Some(c) if c < -steady => Trend::Declining,
        Some(_) => Trend::Steady,
    }
}
