//! Price guidance with guardrails: floor, target and ceiling of a unit price, learned from prices
//! that were accepted.
//!
//! Comparable deals are those of the same product and customer group whose quantity lies within a
//! factor of the one asked for (a band on the log scale). Guidance is a triple of quantiles of
//! their prices, weighted by `2^(−age / half-life)`. With few deals in the group the quantiles are
//! drawn to those of all groups by `n / (n + k)` (Bühlmann's credibility, `n` Kish's effective
//! number of deals); with too few the comparison backs off: the group in a wider band, all groups
//! in the narrow band, all groups in the wide one. The evidence tells which.
//!
//! Guardrails come last, and a later one beats an earlier one: the step from the account's own
//! last price, the list price, cost plus least margin. What a guardrail changed is listed with
//! before and after; one that had to give way is listed as well. An agreement in force settles
//! everything: its price is the guidance and nothing is tested.

mod comparable;
mod guardrails;

pub use guardrails::{Applied, Guardrail};

use crate::{Error, robust::weighted_quantile};
use comparable::{Comparable, Scope};
use guardrails::Limits;
use serde::{Deserialize, Serialize};

/// How to guide.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Quantile of the floor, 0..1. Default 0.25.
    pub floor: f64,
    /// Quantile of the target, not below the floor's. Default 0.5.
    pub target: f64,
    /// Quantile of the ceiling, not below the target's. Default 0.75.
    pub ceiling: f64,
    /// Days after which a deal counts half. Default 180.
    pub half_life_days: f64,
    /// Quantities from `q / band` to `q · band` are comparable; at least 1. Default 2.
    pub band: f64,
    /// The same for the wide band; not below `band`. Default 5.
    pub wide_band: f64,
    /// Fewest comparable deals; at least 1. Default 5.
    pub min_deals: usize,
    /// Deals' worth of all groups that a group's quantiles are drawn by; 0 for none. Default 3.
    pub prior_deals: f64,
    /// Whether prices made under an agreement count; they repeat one negotiation with every
    /// order. Default false.
    pub agreed_prices: bool,
    /// Least margin as a share of the price, from 0 to below 1: never below `cost / (1 − margin)`.
    /// Default 0.05.
    pub min_margin: f64,
    /// Largest step from the account's own last price, as a share of it. Default 0.10.
    pub max_step: f64,
    /// Distance of the second arm of a price test from the target, as a share. Default 0.03.
    pub test_step: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            floor: 0.25,
            target: 0.5,
            ceiling: 0.75,
            half_life_days: 180.0,
            band: 2.0,
            wide_band: 5.0,
            min_deals: 5,
            prior_deals: 3.0,
            agreed_prices: false,
            min_margin: 0.05,
            max_step: 0.10,
            test_step: 0.03,
        }
    }
}

/// A price that was quoted to an account.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Account id.
    pub account: u32,
    /// Product id.
    pub product: u32,
    /// Customer group id.
    pub group: u32,
    /// Quantity in sales units; zero and below (returns) are passed over.
    pub quantity: f64,
    /// Price of a unit in minor units; zero and below (gifts) are passed over.
    pub unit_price: f64,
    /// When it was accepted or rejected, microseconds UTC.
    pub time: i64,
    /// Whether an agreement set the price.
    pub agreed: bool,
}

/// A price agreed with the account for the product.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Price of a unit in minor units.
    pub unit_price: f64,
    /// In force from this time, microseconds UTC.
    pub from: i64,
    /// In force before this time, microseconds UTC; `None` without end.
    pub until: Option<i64>,
}

impl Agreement {
    /// Whether it holds at `time` (microseconds UTC).
    #[must_use]
    pub fn in_force(&self, time: i64) -> bool {
        self.from <= time && self.until.is_none_or(|until| time < until)
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Account id; its own last price bounds the step. `None` for guidance on the group alone.
    pub account: Option<u32>,
    /// Product id.
    pub product: u32,
    /// Customer group id.
    pub group: u32,
    /// Quantity in sales units, positive.
    pub quantity: f64,
    /// Quotes at or after this time do not count, microseconds UTC.
    pub cutoff: i64,
    /// Cost of a unit in minor units, where known.
    pub unit_cost: Option<f64>,
    /// List price of a unit in minor units, where known.
    pub list_price: Option<f64>,
    /// Agreement of the account on the product, if any.
    pub agreement: Option<Agreement>,
}

/// Three unit prices in minor units: `floor <= target <= ceiling`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// Not to go below.
    pub floor: f64,
    /// To aim for.
    pub target: f64,
    /// To open with.
    pub ceiling: f64,
}

impl Prices {
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { floor: f(self.floor), target: f(self.target), ceiling: f(self.ceiling) }
    }

    fn quantiles(prices: &[(f64, f64)], config: &Config) -> Option<Self> {
        let at = |q| weighted_quantile(prices, q);
        Some(Self { floor: at(config.floor)?, target: at(config.target)?, ceiling: at(config.ceiling)? })
    }
}

/// What became of comparable quotes at or above the target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtTarget {
    /// Accepted ones.
    pub accepted: usize,
    /// Rejected ones.
    pub rejected: usize,
    /// `accepted / (accepted + rejected)`.
    pub share: f64,
}

/// What the guidance rests on. Prices are unit prices in minor units, unweighted but for `median`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Comparable deals.
    pub deals: usize,
    /// Accounts they were made with.
    pub accounts: usize,
    /// Kish's effective number of deals after weighting by age.
    pub effective_deals: f64,
    /// Whether the deals are of the group asked for alone; else of all groups.
    pub own_group: bool,
    /// Weight of the group's own quantiles against those of all groups, 0..=1.
    pub group_weight: f64,
    /// Whether the quantity band had to be widened.
    pub widened: bool,
    /// Quantities counted, from and up to.
    pub quantity: (f64, f64),
    /// Lowest price.
    pub lowest: f64,
    /// Highest price.
    pub highest: f64,
    /// Median price, weighted by age.
    pub median: f64,
    /// Acceptance at or above the target; `None` where no comparable rejection is known.
    pub at_target: Option<AtTarget>,
}

/// Two prices to try against each other, both within the guidance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PriceTest {
    /// The target, minor units.
    pub control: f64,
    /// The other arm, minor units: above the control where the ceiling leaves room, else below.
    pub variant: f64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guidance {
    /// Final prices.
    pub prices: Prices,
    /// What they rest on; `None` where an agreement decides and there are too few deals.
    pub evidence: Option<Evidence>,
    /// Guardrails that changed something, in the order applied.
    pub applied: Vec<Applied>,
    /// Guardrails that the final prices do not keep because a stronger one rules.
    pub overruled: Vec<Guardrail>,
    /// Whether a price may be tested: not while an agreement is in force.
    pub testing_allowed: bool,
    /// A test to propose; `None` if not allowed or there is no room for a second arm.
    pub test: Option<PriceTest>,
}

/// Guidance for one request from `accepted` prices and, for the evidence, `rejected` ones.
///
/// # Errors
/// [`Error::Invalid`] for a config or request out of bounds, for a quote that is not a finite
/// number, or where cost plus least margin exceeds the list price, so that no price is right;
/// [`Error::NotEnoughData`] with fewer comparable deals than `min_deals` and no agreement.
pub fn guide(
    accepted: &[Quote],
    rejected: &[Quote],
    request: &Request,
    config: &Config,
) -> Result<Guidance, Error> {
    check(config, request)?;
    if accepted.iter().chain(rejected).any(|q| !q.unit_price.is_finite() || !q.quantity.is_finite()) {
        return Err(Error::invalid("quote", "price and quantity must be finite numbers"));
    }
    let limits = Limits::of(accepted, request, config);
    let agreement = request.agreement.filter(|a| a.in_force(request.cutoff));
    let learned = learn(accepted, request, config);
    if let Some(agreement) = agreement {
        return Ok(agreed(agreement, learned.ok(), &limits, rejected, request));
    }
    let (prices, found) = learned?;
    let (prices, applied, overruled) = limits.hold(prices)?;
    let evidence = found.evidence(prices.target, rejected, request);
    let test = propose(prices, config);
    Ok(Guidance { prices, evidence: Some(evidence), applied, overruled, testing_allowed: true, test })
}

/// Quantiles of the comparable deals, drawn to all groups.
fn learn(accepted: &[Quote], request: &Request, config: &Config) -> Result<(Prices, Found), Error> {
    let mut most = 0;
    for scope in Scope::ladder(config) {
        let deals = Comparable::find(accepted, request, config, scope);
        most = most.max(deals.len());
        if deals.len() < config.min_deals {
            continue;
        }
        let none = || Error::Numerical { method: "quantile", why: "no weight".into() };
        let own = Prices::quantiles(&deals.weighted, config).ok_or_else(none)?;
        if !scope.own_group {
            return Ok((own, Found { deals, scope, group_weight: 0.0 }));
        }
        let all = Comparable::find(accepted, request, config, Scope { own_group: false, ..scope });
        let all = Prices::quantiles(&all.weighted, config).ok_or_else(none)?;
        let n = deals.effective();
        let w = n / (n + config.prior_deals);
        let draw = |own: f64, all: f64| all + w * (own - all);
        let prices = Prices {
            floor: draw(own.floor, all.floor),
            target: draw(own.target, all.target),
            ceiling: draw(own.ceiling, all.ceiling),
        };
        return Ok((ordered(prices), Found { deals, scope, group_weight: w }));
    }
    Err(Error::NotEnoughData {
        needed: format!("{} comparable deals", config.min_deals),
        have: most.to_string(),
    })
}

/// Undoes what rounding may have done to the order.
fn ordered(p: Prices) -> Prices {
    let target = p.target.max(p.floor);
    Prices { floor: p.floor, target, ceiling: p.ceiling.max(target) }
}

/// Deals the guidance was learned from.
struct Found {
    deals: Comparable,
    scope: Scope,
    group_weight: f64,
}

impl Found {
    fn evidence(&self, target: f64, rejected: &[Quote], request: &Request) -> Evidence {
        let prices = || self.deals.weighted.iter().map(|v| v.0);
        Evidence {
            deals: self.deals.len(),
            accounts: self.deals.accounts.len(),
            effective_deals: self.deals.effective(),
            own_group: self.scope.own_group,
            group_weight: self.group_weight,
            widened: self.scope.widened,
            quantity: self.scope.quantities(request.quantity),
            lowest: prices().fold(f64::INFINITY, f64::min),
            highest: prices().fold(f64::NEG_INFINITY, f64::max),
            median: weighted_quantile(&self.deals.weighted, 0.5).unwrap_or(f64::NAN),
            at_target: self.at_target(target, rejected, request),
        }
    }

    fn at_target(&self, target: f64, rejected: &[Quote], request: &Request) -> Option<AtTarget> {
        let comparable = || rejected.iter().filter(|q| self.scope.holds(q, request));
        comparable().next()?;
        let accepted = self.deals.weighted.iter().filter(|v| v.0 >= target).count();
        let rejected = comparable().filter(|q| q.unit_price >= target).count();
        let all = accepted + rejected;
        (all > 0).then(|| AtTarget { accepted, rejected, share: accepted as f64 / all as f64 })
    }
}

fn agreed(
    agreement: Agreement,
    learned: Option<(Prices, Found)>,
    limits: &Limits,
    rejected: &[Quote],
    request: &Request,
) -> Guidance {
    let price = agreement.unit_price;
    let prices = Prices { floor: price, target: price, ceiling: price };
    let before = learned.as_ref().map(|l| l.0);
    Guidance {
        prices,
        evidence: learned.map(|(_, found)| found.evidence(price, rejected, request)),
        applied: vec![Applied { guardrail: Guardrail::Agreement, bound: price, before, after: prices }],
        overruled: limits.broken_by(price),
        testing_allowed: false,
        test: None,
    }
}

/// A second arm `test_step` above the target, or as far as the ceiling lets; else below it. Less
/// than half the step apart, the arms would show nothing.
fn propose(prices: Prices, config: &Config) -> Option<PriceTest> {
    let control = prices.target;
    let least = control * config.test_step / 2.0;
    let up = (control * (1.0 + config.test_step)).min(prices.ceiling);
    let down = (control * (1.0 - config.test_step)).max(prices.floor);
    let apart = |variant: f64| (variant - control).abs() >= least && variant != control;
    let variant = if apart(up) { up } else { down };
    apart(variant).then_some(PriceTest { control, variant })
}

fn check(config: &Config, request: &Request) -> Result<(), Error> {
    let share = |x: f64| (0.0..1.0).contains(&x);
    let positive = |x: f64| x.is_finite() && x > 0.0;
    let c = config;
    if !(0.0 <= c.floor && c.floor <= c.target && c.target <= c.ceiling && c.ceiling <= 1.0) {
        return Err(Error::invalid("quantiles", "0 <= floor <= target <= ceiling <= 1"));
    }
    if !positive(c.half_life_days) {
        return Err(Error::invalid("half_life_days", "must be positive"));
    }
    if !(c.band >= 1.0 && c.band <= c.wide_band && c.wide_band.is_finite()) {
        return Err(Error::invalid("band", "1 <= band <= wide_band"));
    }
    if c.min_deals == 0 || !c.prior_deals.is_finite() || c.prior_deals < 0.0 {
        return Err(Error::invalid("min_deals", "at least 1, and prior_deals a number from 0"));
    }
    if !(share(c.min_margin) && share(c.max_step) && share(c.test_step)) {
        return Err(Error::invalid("min_margin", "margin and steps must be shares from 0 to below 1"));
    }
    if !positive(request.quantity) {
        return Err(Error::invalid("quantity", "must be positive"));
    }
    if request.unit_cost.is_some_and(|x| !x.is_finite() || x < 0.0) {
        return Err(Error::invalid("unit_cost", "must be a number from 0"));
    }
    let agreed = request.agreement.map(|a| a.unit_price);
    if [request.list_price, agreed].into_iter().flatten().any(|x| !positive(x)) {
        return Err(Error::invalid("price", "list and agreed price must be positive"));
    }
    Ok(())
}
