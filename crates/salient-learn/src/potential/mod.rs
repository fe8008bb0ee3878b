//! What an account could buy, judged by what its like buy: potential, gap (whitespace) and
//! penetration, per category, account and region.
//!
//! Potential in a category = P(a peer buys it) × the quantile (0.75 unless told otherwise) of what
//! the peers that buy spend on it in a year. A quantile near the top asks what a well-served peer
//! spends, as the frontier approach to share of wallet does (Rosset et al. 2007, "Wallet estimation
//! models"; Perlich et al. 2007), and one wild peer does not move it far. Where sizes are known
//! and enough peers have one, spending is carried over as `size^e`; the elasticity `e` is the
//! Theil–Sen slope of log spend on log size. An account never counts as its own peer, nor in
//! the elasticity used for it, so that spending more can only close its gap.
//!
//! A peer group too small backs off: segment × industry × region, industry × region, industry, all.

mod mix;
mod peers;

pub use mix::{ActionMix, MixConfig, action_mix};

use crate::Error;
use peers::{Peers, Row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How to judge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Quantile of the spending of peers that buy, 0..1. Default 0.75.
    pub quantile: f64,
    /// Fewest peers (the account itself not counted) before a group backs off; at least 1.
    /// Default 8.
    pub min_peers: usize,
    /// Fewest peers that buy the category for the quantile of their spending; with fewer, it is
    /// taken from the next larger group, while the share that buys stays the own group's.
    /// At least 1. Default 3.
    pub min_buyers: usize,
    /// Fewest buyers of known size to scale by size; at least 3. Default 10.
    pub min_sized: usize,
    /// Upper bound of the elasticity of spending to size; the lower one is 0. Default 1.5.
    pub max_elasticity: f64,
    /// Sizes count as at most this many times, and at least this part of, the median size of the
    /// group; at least 1. Default 10.
    pub max_size_ratio: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            quantile: 0.75,
            min_peers: 8,
            min_buyers: 3,
            min_sized: 10,
            max_elasticity: 1.5,
            max_size_ratio: 10.0,
        }
    }
}

/// What an account spent on a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// Category id.
    pub category: u32,
    /// Net amount over the last year, minor units; zero and below count as not buying.
    pub amount: i64,
}

/// An account, customer or prospect: whoever is handed in counts among the peers that could buy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Id, unique.
    pub id: u32,
    /// Segment id, where known.
    pub segment: Option<u32>,
    /// Industry id, where known.
    pub industry: Option<u32>,
    /// Region id, where known.
    pub region: Option<u32>,
    /// Size, such as employees, in one unit for all; positive.
    pub size: Option<f64>,
    /// Spending; several entries of one category add up.
    pub spend: Vec<Spend>,
}

/// Which peers were compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Same segment, industry and region.
    SegmentIndustryRegion,
    /// Same industry and region.
    IndustryRegion,
    /// Same industry.
    Industry,
    /// All accounts.
    All,
}

impl Level {
    /// From the closest to the widest.
    pub const ALL: [Self; 4] = [Self::SegmentIndustryRegion, Self::IndustryRegion, Self::Industry, Self::All];
}

/// What the potential rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The group whose share of buyers counts.
    pub level: Level,
    /// Peers in it.
    pub peers: usize,
    /// Peers in it that buy the category.
    pub buyers: usize,
    /// `buyers / peers`.
    pub buying_share: f64,
    /// The group whose spending counts: `level`, or a larger one where too few buy.
    pub spend_level: Level,
    /// Buyers whose spending counts.
    pub spend_buyers: usize,
    /// Quantile of their spending, carried over to the account's size, minor units a year.
    pub spend_quantile: f64,
    /// Elasticity of spending to size; `None` where not scaled.
    pub elasticity: Option<f64>,
}

/// Actual and possible spending.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Spent in the last year, minor units; not below 0.
    pub actual: f64,
    /// What could be spent, minor units a year.
    pub potential: f64,
    /// What is missing, minor units a year: per category `max(0, potential − actual)`, else the
    /// sum over categories, so that much of one does not hide the lack of another.
    pub gap: f64,
    /// `1 − gap / potential`, 0..1; in one category that is `actual / potential`, at most 1.
    /// `None` without potential.
    pub penetration: Option<f64>,
}

impl Standing {
    fn of(actual: f64, potential: f64) -> Self {
        Self::with_gap(actual, potential, (potential - actual).max(0.0))
    }

    fn with_gap(actual: f64, potential: f64, gap: f64) -> Self {
        let penetration = (potential > 0.0).then(|| (1.0 - gap / potential).clamp(0.0, 1.0));
        Self { actual, potential, gap, penetration }
    }

    /// Of many together, such as the accounts of a region; none stand at zero.
    pub fn sum(parts: impl Iterator<Item = Self>) -> Self {
        let add = |s: (f64, f64, f64), p: Self| (s.0 + p.actual, s.1 + p.potential, s.2 + p.gap);
        let (actual, potential, gap) = parts.fold((0.0, 0.0, 0.0), add);
        Self::with_gap(actual, potential, gap)
    }
}

/// One account in one category.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CategoryPotential {
    /// Category id.
    pub category: u32,
    /// Actual and possible spending.
    pub standing: Standing,
    /// What it rests on.
    pub evidence: Evidence,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountPotential {
    /// Account id.
    pub account: u32,
    /// Over the judged categories.
    pub standing: Standing,
    /// Ascending by category id.
    pub categories: Vec<CategoryPotential>,
    /// Categories that too few buy anywhere to be judged, ascending.
    pub unjudged: Vec<u32>,
}

/// Judges every account against its peers; the answer ascends by account id.
///
/// # Errors
/// [`Error::Invalid`] for a config out of bounds, an id given twice or a size not positive;
/// [`Error::NotEnoughData`] if even all accounts together are fewer than `min_peers` and one.
pub fn potentials(accounts: &[Account], config: &Config) -> Result<Vec<AccountPotential>, Error> {
    check(accounts, config)?;
    let rows = Row::sorted(accounts);
    let peers = Peers::build(&rows, config);
    let categories: BTreeSet<u32> = rows.iter().flat_map(|r| r.spend.keys().copied()).collect();
    Ok(rows.iter().enumerate().map(|(i, row)| judge(&peers, i, row, &categories)).collect())
}

fn judge(peers: &Peers<'_>, i: usize, row: &Row<'_>, categories: &BTreeSet<u32>) -> AccountPotential {
    let (mut known, mut unjudged) = (Vec::new(), Vec::new());
    for &category in categories {
        let Some(evidence) = peers.evidence(i, category) else {
            unjudged.push(category);
            continue;
        };
        let actual = row.spend.get(&category).map_or(0.0, |&a| a.max(0) as f64);
        let standing = Standing::of(actual, evidence.buying_share * evidence.spend_quantile);
        known.push(CategoryPotential { category, standing, evidence });
    }
    let standing = Standing::sum(known.iter().map(|c| c.standing));
    AccountPotential { account: row.account.id, standing, categories: known, unjudged }
}

fn check(accounts: &[Account], config: &Config) -> Result<(), Error> {
    if !(0.0..=1.0).contains(&config.quantile) {
        return Err(Error::invalid("quantile", "must lie within 0..=1"));
    }
    if config.min_peers == 0 || config.min_buyers == 0 || config.min_sized < 3 {
        return Err(Error::invalid("min_peers", "one peer and one buyer at least, three to scale by size"));
    }
    if !config.max_elasticity.is_finite() || config.max_elasticity < 0.0 {
        return Err(Error::invalid("max_elasticity", "must be a number from 0"));
    }
    if !config.max_size_ratio.is_finite() || config.max_size_ratio < 1.0 {
        return Err(Error::invalid("max_size_ratio", "must be a number from 1"));
    }
    let mut seen = BTreeSet::new();
    for account in accounts {
        if !seen.insert(account.id) {
            return Err(Error::invalid("id", format!("account {} is given twice", account.id)));
        }
        if account.size.is_some_and(|s| !s.is_finite() || s <= 0.0) {
            return Err(Error::invalid("size", format!("of account {}: must be positive", account.id)));
        }
    }
    if accounts.len() <= config.min_peers {
        return Err(Error::NotEnoughData {
            needed: format!("{} accounts to compare with", config.min_peers),
            have: accounts.len().saturating_sub(1).to_string(),
        });
    }
    Ok(())
}
