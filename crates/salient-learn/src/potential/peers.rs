//! Peer groups, with what is needed to leave any one account out at no cost.

use super::{Account, Config, Evidence, Level};
use crate::robust::{median, quantile_by, theil_sen};
use std::collections::BTreeMap;

/// Parts the accounts are dealt into: the elasticity used for an account comes from the other
/// parts, so that its own spending has no say in it.
const FOLDS: usize = 5;
/// Above this many points the incomplete Theil–Sen slope is used.
const PAIRS_UP_TO: usize = 120;

/// An account with its spending added up.
pub(super) struct Row<'a> {
    pub account: &'a Account,
    pub spend: BTreeMap<u32, i64>,
}

impl<'a> Row<'a> {
    /// Ascending by id: nothing depends on the order handed in.
    pub fn sorted(accounts: &'a [Account]) -> Vec<Self> {
        let mut rows: Vec<Self> = accounts.iter().map(Self::of).collect();
        rows.sort_by_key(|r| r.account.id);
        rows
    }

    fn of(account: &'a Account) -> Self {
        let mut spend: BTreeMap<u32, i64> = BTreeMap::new();
        for s in &account.spend {
            let sum = spend.entry(s.category).or_insert(0);
            *sum = sum.saturating_add(s.amount);
        }
        Self { account, spend }
    }
}

type Key = (Level, Option<u32>, Option<u32>, Option<u32>);

/// The group of an account at a level; `None` where what defines it is unknown.
fn key(account: &Account, level: Level) -> Option<Key> {
    let (segment, industry, region) = (account.segment, account.industry, account.region);
    let known = |part: Option<u32>| part.is_some();
    let key = match level {
        Level::SegmentIndustryRegion => (level, segment, industry, region),
        Level::IndustryRegion => (level, None, industry, region),
        Level::Industry => (level, None, industry, None),
        Level::All => (level, None, None, None),
    };
    let complete = match level {
        Level::SegmentIndustryRegion => known(segment) && known(industry) && known(region),
        Level::IndustryRegion => known(industry) && known(region),
        Level::Industry => known(industry),
        Level::All => true,
    };
    complete.then_some(key)
}

/// Values with the row they belong to, ascending.
type Ranked = Vec<(f64, usize)>;

fn ranked(values: impl Iterator<Item = (f64, usize)>) -> Ranked {
    let mut out: Ranked = values.collect();
    out.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    out
}

/// Number of values other than `own` and their quantile.
fn quantile_without(ranked: &Ranked, own: Option<(f64, usize)>, q: f64) -> Option<(usize, f64)> {
    let place =
        |own: (f64, usize)| ranked.binary_search_by(|v| v.0.total_cmp(&own.0).then(v.1.cmp(&own.1))).ok();
    let skip = own.and_then(place);
    let n = ranked.len() - usize::from(skip.is_some());
    let at = |k: usize| ranked.get(k + usize::from(skip.is_some_and(|s| k >= s))).map(|v| v.0);
    Some((n, quantile_by(n, q, at)?))
}

/// Spending divided by `size^elasticity`, sizes relative to the group's median.
struct Scaled {
    elasticity: f64,
    spend: Ranked,
}

/// The buyers of one category in one group.
struct Cell {
    plain: Ranked,
    /// Per fold of the account asked about.
    scaled: Vec<Option<Scaled>>,
}

struct Group {
    members: usize,
    /// Relative size of the members whose size is known.
    sizes: BTreeMap<usize, f64>,
    cells: BTreeMap<u32, Cell>,
}

impl Group {
    fn build(rows: &[Row<'_>], members: &[usize], config: &Config) -> Self {
        let row = |i: usize| rows.get(i);
        let known: Vec<(usize, f64)> =
            members.iter().filter_map(|&i| Some((i, row(i)?.account.size?))).collect();
        let middle = median(&known.iter().map(|k| k.1).collect::<Vec<_>>()).unwrap_or(1.0);
        let most = config.max_size_ratio;
        let sizes: BTreeMap<usize, f64> =
            known.iter().map(|&(i, size)| (i, (size / middle).clamp(1.0 / most, most))).collect();
        let mut buyers: BTreeMap<u32, Ranked> = BTreeMap::new();
        for &i in members {
            for (&category, &amount) in row(i).iter().flat_map(|r| &r.spend) {
                if amount > 0 {
                    buyers.entry(category).or_default().push((amount as f64, i));
                }
            }
        }
        let cells = buyers.into_iter().map(|(c, b)| (c, Cell::build(b, &sizes, config))).collect();
        Self { members: members.len(), sizes, cells }
    }

    /// Buyers of a category other than a member that spent `spent` on it.
    fn buyers(&self, category: u32, spent: f64) -> usize {
        self.cells.get(&category).map_or(0, |c| c.plain.len()) - usize::from(spent > 0.0)
    }

    /// Number of buyers other than row `i`, quantile of their spending as carried over to its size, and
    /// the elasticity.
    fn spending(&self, i: usize, category: u32, spent: f64, q: f64) -> Option<(usize, f64, Option<f64>)> {
        let cell = self.cells.get(&category)?;
        let scaled = cell.scaled.get(i % FOLDS).and_then(Option::as_ref);
        if let (Some(scaled), Some(size)) = (scaled, self.sizes.get(&i)) {
            let factor = size.powf(scaled.elasticity);
            let (n, value) = quantile_without(&scaled.spend, Some((spent / factor, i)), q)?;
            return Some((n, value * factor, Some(scaled.elasticity)));
        }
        let (n, value) = quantile_without(&cell.plain, Some((spent, i)), q)?;
        Some((n, value, None))
    }
}

impl Cell {
    fn build(buyers: Ranked, sizes: &BTreeMap<usize, f64>, config: &Config) -> Self {
        let sized: Vec<(f64, f64, usize)> =
            buyers.iter().filter_map(|&(y, i)| Some((y, *sizes.get(&i)?, i))).collect();
        let scaled = (0..FOLDS).map(|fold| Self::scale(&sized, fold, config)).collect();
        Self { plain: ranked(buyers.into_iter()), scaled }
    }

    fn scale(sized: &[(f64, f64, usize)], fold: usize, config: &Config) -> Option<Scaled> {
        let others = sized.iter().filter(|b| b.2 % FOLDS != fold);
        let points: Vec<(f64, f64)> = others.map(|b| (b.1.ln(), b.0.ln())).collect();
        if points.len() < config.min_sized {
            return None;
        }
        let elasticity = theil_sen(&points, PAIRS_UP_TO)?.clamp(0.0, config.max_elasticity);
        let spend = ranked(sized.iter().map(|b| (b.0 / b.1.powf(elasticity), b.2)));
        Some(Scaled { elasticity, spend })
    }
}

/// Every group at every level.
pub(super) struct Peers<'a> {
    rows: &'a [Row<'a>],
    groups: BTreeMap<Key, Group>,
    config: &'a Config,
}

impl<'a> Peers<'a> {
    pub fn build(rows: &'a [Row<'a>], config: &'a Config) -> Self {
        let mut members: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (i, row) in rows.iter().enumerate() {
            for key in Level::ALL.into_iter().filter_map(|level| key(row.account, level)) {
                members.entry(key).or_default().push(i);
            }
        }
        // Whoever is in a group has one peer less than it has members.
        members.retain(|_, m| m.len() > config.min_peers);
        let groups = members.into_iter().map(|(k, m)| (k, Group::build(rows, &m, config))).collect();
        Self { rows, groups, config }
    }

    /// What the potential of row `i` in a category rests on; `None` if too few buy it anywhere.
    pub fn evidence(&self, i: usize, category: u32) -> Option<Evidence> {
        let row = self.rows.get(i)?;
        let spent = row.spend.get(&category).map_or(0.0, |&a| a.max(0) as f64);
        let mut large_enough = Level::ALL
            .into_iter()
            .filter_map(|level| Some((level, self.groups.get(&key(row.account, level)?)?)))
            .peekable();
        let &(level, own) = large_enough.peek()?;
        let (peers, buyers) = (own.members - 1, own.buyers(category, spent));
        let (spend_level, group) =
            large_enough.find(|(_, g)| g.buyers(category, spent) >= self.config.min_buyers)?;
        let (spend_buyers, spend_quantile, elasticity) =
            group.spending(i, category, spent, self.config.quantile)?;
        Some(Evidence {
            level,
            peers,
            buyers,
            buying_share: buyers as f64 / peers as f64,
            spend_level,
            spend_buyers,
            spend_quantile,
            elasticity,
        })
    }
}
