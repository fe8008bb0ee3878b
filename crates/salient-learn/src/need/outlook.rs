//! A pair as it stands at the cutoff, from which its forecast for any horizon follows.

use super::{Forecast, days, gaps::Gap};
use crate::DAY_US;
use serde::{Deserialize, Serialize};

/// All that a forecast needs to know of an account and a product; with the cutoff of the fit it
/// gives the same forecast again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// What.
    pub product: u32,
    /// Last purchase, microseconds UTC (of a group, its first).
    pub last: i64,
    /// The pair's own gaps.
    pub gaps: u32,
    /// Gaps of the product over all accounts.
    pub product_gaps: u32,
    /// Mean quantity of a need.
    pub mean_quantity: f64,
    /// Chance that the pair is not over.
    pub alive: f64,
    /// Middle of the log gap (days), which follows a Student's t.
    pub location: f64,
    /// Scale of the log gap.
    pub scale: f64,
    /// Degrees of freedom of the log gap.
    pub freedom: f64,
}

impl Outlook {
    fn gap(&self) -> Gap {
        Gap { location: self.location, scale: self.scale, freedom: self.freedom }
    }

    fn within(&self, cutoff: i64, horizon: f64) -> f64 {
        self.alive * self.gap().within(days(self.last, cutoff), horizon)
    }

    fn forecast(&self, cutoff: i64, probability_within: f64) -> Forecast {
        let (gap, elapsed_days) = (self.gap(), days(self.last, cutoff));
        let at =
            |share: f64| cutoff.saturating_add((gap.remaining(elapsed_days, share) * DAY_US as f64) as i64);
        Forecast {
            product: self.product,
            expected: at(0.5),
            low: at(0.1),
            high: at(0.9),
            probability_within,
            alive: self.alive,
            gaps: self.gaps,
            product_gaps: self.product_gaps,
            typical_gap_days: self.location.exp(),
            last: self.last,
            elapsed_days,
            mean_quantity: self.mean_quantity,
        }
    }
}

/// The `n` needs most probable within `horizon_days` of `cutoff` (microseconds UTC; that of the
/// fit), most probable first.
#[must_use]
pub fn forecast(outlooks: &[Outlook], cutoff: i64, horizon_days: u32, n: usize) -> Vec<Forecast> {
    let chance = |of: &Outlook| (of.within(cutoff, f64::from(horizon_days)), *of);
    let mut chances: Vec<(f64, Outlook)> = outlooks.iter().map(chance).collect();
    chances.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.product.cmp(&b.1.product)));
    chances.iter().take(n).map(|(within, of)| of.forecast(cutoff, *within)).collect()
}
