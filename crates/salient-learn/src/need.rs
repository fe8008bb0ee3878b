//! When an account next needs a product it buys, and how likely that is within a horizon.
//!
//! The gaps between an account's purchases of a product are log-normal. Mean and variance of a
//! pair's log gaps are drawn to those of the product's other buyers, and a product's mean to all
//! products' (normal–inverse-χ², Gelman et al., Bayesian Data Analysis, sections 3.3 and 5.4),
//! with hyperparameters by moments: analysis of variance between pairs, `DerSimonian` and Laird
//! (1986) between products. The next log gap then follows a Student's t; it is conditioned on
//! the time already passed, so that no date lies in the past. The pair may also be over: the
//! chance to drop out after a purchase is the share of purchases, old enough to tell, after
//! which the silence outlasted the 99th percentile of the gap; with it and the silence so far,
//! Bayes gives the chance to be alive (BG/NBD form, Fader, Hardie and Lee 2005).
//!
//! Gaps still open at the cutoff do not enter the gap distribution, so a product whose gaps are
//! long beside the history looks faster than it is.

mod dropout;
mod gaps;
mod outlook;
mod prior;

pub use outlook::{Outlook, forecast};

use crate::{DAY_US, Error};
use dropout::{Counts, Dropout, OVER};
use gaps::{Gap, Moments, Prior};
use prior::ByProduct;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One purchase of one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purchase {
    /// Who.
    pub account: u32,
    /// What.
    pub product: u32,
    /// When, microseconds UTC.
    pub time: i64,
    /// How much, in the product's unit; rows of zero or less (returns) are left out.
    pub quantity: f64,
}

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Purchases less than this many days after the first of a group are one need.
    pub same_need_days: f64,
    /// Fewest gaps to learn from; ten of them (or all, if fewer) must follow another of their pair.
    pub min_gaps: u32,
    /// Fewest purchases old enough to tell whether another followed.
    pub min_decided: u32,
    /// How many purchases everybody's dropout weighs against a product's own.
    pub dropout_strength: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { same_need_days: 1.0, min_gaps: 30, min_decided: 20, dropout_strength: 20.0 }
    }
}

impl Config {
    fn check(&self) -> Result<(), Error> {
        if !(self.same_need_days > 0.0 && self.same_need_days.is_finite()) {
            return Err(Error::invalid("same_need_days", "a positive number of days"));
        }
        if !(self.dropout_strength > 0.0 && self.dropout_strength.is_finite()) {
            return Err(Error::invalid("dropout_strength", "a positive number of purchases"));
        }
        Ok(())
    }
}

/// The next need of an account for a product.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// What.
    pub product: u32,
    /// Median date if the pair is alive, microseconds UTC; never before the cutoff.
    pub expected: i64,
    /// Lower end of the 80 % interval, likewise.
    pub low: i64,
    /// Upper end; at most a hundred years ahead.
    pub high: i64,
    /// Chance that the pair is alive and buys within the horizon.
    pub probability_within: f64,
    /// Chance that the pair is not over.
    pub alive: f64,
    /// The pair's own gaps.
    pub gaps: u32,
    /// Gaps of the product over all accounts.
    pub product_gaps: u32,
    /// Median gap after shrinkage, days.
    pub typical_gap_days: f64,
    /// Last purchase, microseconds UTC (of a group, its first).
    pub last: i64,
    /// Days from the last purchase to the cutoff.
    pub elapsed_days: f64,
    /// Mean quantity of a need.
    pub mean_quantity: f64,
}

/// An account and a product.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Pair {
    gaps: Moments,
    last: i64,
    quantity: f64,
}

/// Fitted gaps and dropout of all pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Needs {
    cutoff: i64,
    priors: BTreeMap<u32, Prior>,
    any: Prior,
    dropouts: BTreeMap<u32, Dropout>,
    any_dropout: Dropout,
    accounts: BTreeMap<u32, BTreeMap<u32, Pair>>,
}

/// Distinct needs of a pair: times ascending, and the quantity of all.
struct Bought {
    times: Vec<i64>,
    quantity: f64,
}

impl Needs {
    /// Fits on the purchases before `cutoff` (microseconds UTC); their order does not matter.
    ///
    /// # Errors
    /// [`Error::Invalid`] for settings out of range or a quantity that is no number;
    /// [`Error::NotEnoughData`] below [`Config::min_gaps`] gaps or [`Config::min_decided`]
    /// decided purchases.
    pub fn fit(purchases: &[Purchase], cutoff: i64, config: Config) -> Result<Self, Error> {
        config.check()?;
        let bought = group(purchases, cutoff, config.same_need_days)?;
        let pair = |b: &Bought| {
            let quantity = b.quantity / b.times.len() as f64;
            Some(Pair { gaps: Moments::of(&b.times), last: *b.times.last()?, quantity })
        };
        let mut accounts: BTreeMap<u32, BTreeMap<u32, Pair>> = BTreeMap::new();
        let mut moments = ByProduct::new();
        for (&(account, product), b) in &bought {
            let Some(pair) = pair(b) else { continue };
            accounts.entry(account).or_default().insert(product, pair);
            moments.entry(product).or_default().push(pair.gaps);
        }
        enough_gaps(&moments, config)?;
        let (priors, any) = prior::priors(&moments);
        let mut counts: BTreeMap<u32, Counts> = BTreeMap::new();
        for (&(_, product), b) in &bought {
            let prior = priors.get(&product).unwrap_or(&any);
            decide(counts.entry(product).or_default(), b, prior, cutoff);
        }
        let decided = dropout::total(&counts).purchases;
        if decided < config.min_decided.max(1) {
            return Err(Error::NotEnoughData {
                needed: format!(
                    "{} purchases old enough for another to have followed",
                    config.min_decided.max(1)
                ),
                have: decided.to_string(),
            });
        }
        let (dropouts, any_dropout) = dropout::dropouts(&counts, config.dropout_strength);
        Ok(Self { cutoff, priors, any, dropouts, any_dropout, accounts })
    }

    /// The `n` needs of an account most probable within `horizon_days` of the cutoff, most
    /// probable first; empty for an account without purchases.
    #[must_use]
    pub fn forecast(&self, account: u32, horizon_days: u32, n: usize) -> Vec<Forecast> {
        forecast(&self.outlooks(account), self.cutoff, horizon_days, n)
    }

    /// Every pair of an account as it stands at the cutoff, by product: what is to be kept where
    /// horizons are asked for later, by [`forecast`].
    #[must_use]
    pub fn outlooks(&self, account: u32) -> Vec<Outlook> {
        let pairs = self.accounts.get(&account).into_iter().flatten();
        pairs.map(|(&product, pair)| self.outlook(product, pair)).collect()
    }

    fn prior(&self, product: u32) -> &Prior {
        self.priors.get(&product).unwrap_or(&self.any)
    }

    fn outlook(&self, product: u32, pair: &Pair) -> Outlook {
        let prior = self.prior(product);
        let gap = prior.predict(&pair.gaps);
        let dropout = self.dropouts.get(&product).unwrap_or(&self.any_dropout);
        let silent = gap.survival(days(pair.last, self.cutoff));
        Outlook {
            product,
            last: pair.last,
            gaps: pair.gaps.n,
            product_gaps: prior.gaps,
            mean_quantity: pair.quantity,
            alive: dropout.alive(pair.gaps.n == 0, silent),
            location: gap.location,
            scale: gap.scale,
            freedom: gap.freedom,
        }
    }
}

/// Days from `from` to `until` (microseconds UTC).
fn days(from: i64, until: i64) -> f64 {
    until.saturating_sub(from) as f64 / DAY_US as f64
}

/// Purchases before the cutoff by pair, those of one need together.
fn group(purchases: &[Purchase], cutoff: i64, same: f64) -> Result<BTreeMap<(u32, u32), Bought>, Error> {
    let mut rows: Vec<&Purchase> = purchases.iter().filter(|p| p.time < cutoff).collect();
    if let Some(p) = rows.iter().find(|p| !p.quantity.is_finite()) {
        let why = format!(
            "{} for account {}, product {}; a finite number is accepted",
            p.quantity, p.account, p.product
        );
        return Err(Error::invalid("quantity", why));
    }
    rows.retain(|p| p.quantity > 0.0);
    // Quantities too, so that sums round alike whatever the order given.
    rows.sort_by(|a, b| a.time.cmp(&b.time).then(a.quantity.total_cmp(&b.quantity)));
    let mut bought: BTreeMap<(u32, u32), Bought> = BTreeMap::new();
    for p in rows {
        let pair = bought
            .entry((p.account, p.product))
            .or_insert_with(|| Bought { times: Vec::new(), quantity: 0.0 });
        pair.quantity += p.quantity;
        if pair.times.last().is_none_or(|&last| days(last, p.time) >= same) {
            pair.times.push(p.time);
        }
    }
    Ok(bought)
}

fn enough_gaps(moments: &ByProduct, config: Config) -> Result<(), Error> {
    let gaps: u32 = moments.values().flatten().map(|m| m.n).sum();
    let compared: f64 = moments.values().flatten().map(Moments::freedom).sum();
    let (need, compare) = (config.min_gaps.max(2), config.min_gaps.clamp(1, 10));
    if gaps < need || compared < f64::from(compare) {
        return Err(Error::NotEnoughData {
            needed: format!(
                "{need} gaps between purchases, {compare} of them after an earlier gap of the pair"
            ),
            have: format!("{gaps} gaps, {compared} after an earlier one"),
        });
    }
    Ok(())
}

/// Counts a pair's decided purchases. A first purchase is judged by what was known then, the
/// product's gap: the pair's own, known only where another followed, would favour the living.
fn decide(counts: &mut Counts, bought: &Bought, prior: &Prior, cutoff: i64) {
    let Some((&first, later)) = bought.times.split_first() else { return };
    let over = |gap: &Gap, time: i64| gap.survival(days(time, cutoff)) <= OVER;
    if over(&prior.predict(&Moments::default()), first) {
        counts.first.add(later.is_empty());
    }
    let own = prior.predict(&Moments::of(&bought.times));
    let decided = later.partition_point(|&time| over(&own, time));
    (1..=decided).for_each(|i| counts.later.add(i == later.len()));
}
