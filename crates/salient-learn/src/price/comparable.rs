//! Which deals compare with a request, and how much each counts.

use super::{Config, Quote, Request};
use crate::history::DAY_US;
use std::collections::BTreeSet;

/// How far to look for comparable deals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scope {
    /// Deals of the group asked for alone.
    pub own_group: bool,
    /// Whether `band` is the wide one.
    pub widened: bool,
    /// Quantities within this factor.
    pub band: f64,
    /// Whether prices made under an agreement count.
    pub agreed_prices: bool,
}

impl Scope {
    /// From the closest to the widest.
    pub fn ladder(config: &Config) -> [Self; 4] {
        let at = |own_group, widened| {
            let band = if widened { config.wide_band } else { config.band };
            Self { own_group, widened, band, agreed_prices: config.agreed_prices }
        };
        [at(true, false), at(true, true), at(false, false), at(false, true)]
    }

    /// Smallest and largest quantity.
    pub fn quantities(self, quantity: f64) -> (f64, f64) {
        (quantity / self.band, quantity * self.band)
    }

    /// Whether a quote compares with the request, and was known at its cutoff.
    pub fn holds(self, quote: &Quote, request: &Request) -> bool {
        let (from, to) = self.quantities(request.quantity);
        quote.time < request.cutoff
            && quote.product == request.product
            && (!self.own_group || quote.group == request.group)
            && (self.agreed_prices || !quote.agreed)
            && quote.unit_price > 0.0
            && quote.quantity > 0.0
            && (from..=to).contains(&quote.quantity)
    }
}

/// Comparable deals.
pub(super) struct Comparable {
    /// (unit price, weight), ascending, so that sums do not depend on the order handed in.
    pub weighted: Vec<(f64, f64)>,
    /// Accounts they were made with.
    pub accounts: BTreeSet<u32>,
}

impl Comparable {
    pub fn find(accepted: &[Quote], request: &Request, config: &Config, scope: Scope) -> Self {
        let deals = || accepted.iter().filter(|q| scope.holds(q, request));
        let newest = deals().map(|q| q.time).max().unwrap_or(request.cutoff);
        // Only the ratio of weights matters; counted from the newest deal, none underflows alone.
        let weight = |time: i64| {
            let days = newest.saturating_sub(time) as f64 / DAY_US as f64;
            (-days / config.half_life_days).exp2()
        };
        let mut weighted: Vec<(f64, f64)> = deals().map(|q| (q.unit_price, weight(q.time))).collect();
        weighted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        Self { weighted, accounts: deals().map(|q| q.account).collect() }
    }

    /// Number of deals.
    pub fn len(&self) -> usize {
        self.weighted.len()
    }

    /// `(Σw)² / Σw²` (Kish 1965): as many deals of equal weight would tell as much.
    pub fn effective(&self) -> f64 {
        let sum: f64 = self.weighted.iter().map(|v| v.1).sum();
        let squares: f64 = self.weighted.iter().map(|v| v.1 * v.1).sum();
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }
}
