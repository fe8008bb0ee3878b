//! Bounds that guidance may not leave.

use super::{Config, Prices, Quote, Request};
use crate::Error;
use serde::{Deserialize, Serialize};

/// A guardrail by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guardrail {
    /// Not further than the largest step from the account's own last price.
    MaxStep,
    /// Not above the list price.
    ListPrice,
    /// Not below cost plus least margin.
    MinMargin,
    /// The agreed price, nothing else.
    Agreement,
}

/// A guardrail that changed the guidance. Prices are unit prices in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// Which.
    pub guardrail: Guardrail,
    /// The price not to be crossed; for [`Guardrail::MaxStep`] the last price itself, from which
    /// the step is counted.
    pub bound: f64,
    /// Before it; `None` where an agreement stands in for guidance that could not be learned.
    pub before: Option<Prices>,
    /// After it.
    pub after: Prices,
}

/// The bounds of one request.
pub(super) struct Limits {
    last: Option<f64>,
    max_step: f64,
    list: Option<f64>,
    lowest: Option<f64>,
}

impl Limits {
    pub fn of(accepted: &[Quote], request: &Request, config: &Config) -> Self {
        Self {
            last: request.account.and_then(|account| last_price(accepted, account, request)),
            max_step: config.max_step,
            list: request.list_price,
            lowest: request.unit_cost.map(|cost| cost / (1.0 - config.min_margin)),
        }
    }

    fn step(&self) -> Option<(f64, f64)> {
        self.last.map(|last| (last * (1.0 - self.max_step), last * (1.0 + self.max_step)))
    }

    /// Applies all, the strongest last.
    pub fn hold(&self, learned: Prices) -> Result<(Prices, Vec<Applied>, Vec<Guardrail>), Error> {
        if let (Some(lowest), Some(list)) = (self.lowest, self.list)
            && lowest > list
        {
            let why = format!("{list} lies below cost plus least margin, {lowest}: no price keeps both");
            return Err(Error::invalid("list_price", why));
        }
        let (mut prices, mut applied) = (learned, Vec::new());
        let mut apply = |guardrail, bound, after: Prices| {
            if after != prices {
                applied.push(Applied { guardrail, bound, before: Some(prices), after });
                prices = after;
            }
            prices
        };
        let mut now = learned;
        if let (Some(last), Some((low, high))) = (self.last, self.step()) {
            now = apply(Guardrail::MaxStep, last, now.map(|p| p.clamp(low, high)));
        }
        if let Some(list) = self.list {
            now = apply(Guardrail::ListPrice, list, now.map(|p| p.min(list)));
        }
        if let Some(lowest) = self.lowest {
            now = apply(Guardrail::MinMargin, lowest, now.map(|p| p.max(lowest)));
        }
        let mut overruled = self.broken_by(now.floor);
        overruled.extend(self.broken_by(now.target));
        overruled.extend(self.broken_by(now.ceiling));
        overruled.sort_unstable();
        overruled.dedup();
        Ok((now, applied, overruled))
    }

    /// Guardrails that a price does not keep.
    pub fn broken_by(&self, price: f64) -> Vec<Guardrail> {
        let step = self.step().is_some_and(|(low, high)| price < low || price > high);
        let list = self.list.is_some_and(|list| price > list);
        let margin = self.lowest.is_some_and(|lowest| price < lowest);
        [(step, Guardrail::MaxStep), (list, Guardrail::ListPrice), (margin, Guardrail::MinMargin)]
            .into_iter()
            .filter_map(|(broken, guardrail)| broken.then_some(guardrail))
            .collect()
    }
}

/// The account's last accepted price of the product before the cutoff, under an agreement or not:
/// it is the price the account is used to. Of several at one instant the lowest.
fn last_price(accepted: &[Quote], account: u32, request: &Request) -> Option<f64> {
    accepted
        .iter()
        .filter(|q| q.account == account && q.product == request.product && q.time < request.cutoff)
        .filter(|q| q.unit_price > 0.0 && q.quantity > 0.0)
        .max_by(|a, b| a.time.cmp(&b.time).then(b.unit_price.total_cmp(&a.unit_price)))
        .map(|q| q.unit_price)
}
