//! Potential: what an account could buy in a year, judged by what its like buy.
//!
//! Its like are accounts of its industry in its country; where these are too few, of its industry;
//! then all. The category is the whole assortment: what is known of a product is its code, and
//! nearly everybody lacks nearly every product. Regions are territories.

use std::collections::BTreeMap;

use salient_learn::{
    AsOf, DAY_US,
    potential::{
        self, ActionMix, CategoryPotential, Config, Level, MixConfig, Spend, Standing, action_mix, potentials,
    },
};
use salient_ledger::Account;
use serde::{Deserialize, Serialize};

use super::{Found, Lacking};

/// Days over which spending counts.
const YEAR_DAYS: i64 = 365;

/// The whole assortment.
const CATEGORY: u32 = 0;

/// How potential is judged: the defaults of the algorithm.
#[must_use]
pub fn config() -> Config {
    Config::default()
}

/// Groups of accounts to compare with, as this service forms them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Of the same industry in the same country.
    IndustryAndCountry,
    /// Of the same industry.
    Industry,
    /// All accounts.
    All,
}

impl From<Level> for Peers {
    fn from(level: Level) -> Self {
        match level {
            // no segments are given to the algorithm, so that the first level has no group
            Level::SegmentIndustryRegion | Level::IndustryRegion => Self::IndustryAndCountry,
            Level::Industry => Self::Industry,
            Level::All => Self::All,
        }
    }
}

/// How a region stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Its accounts.
    pub accounts: usize,
    /// Over those that could be judged.
    pub standing: Standing,
    /// What to do there; none without potential.
    pub mix: Option<ActionMix>,
}

/// Judges every account, by number.
///
/// # Errors
/// Too few accounts to compare with.
pub fn judge(view: &AsOf<'_>, accounts: &[Account]) -> Found<Vec<Found<CategoryPotential>>> {
    let spent = spent(view);
    let (mut countries, mut industries) = (Numbers::default(), Numbers::default());
    let mut given = Vec::with_capacity(accounts.len());
    for ((id, account), amount) in (0_u32..).zip(accounts).zip(spent) {
        given.push(potential::Account {
            id,
            segment: None,
            industry: industries.of(&account.industry),
            region: countries.of(&account.country),
            size: None,
            spend: vec![Spend { category: CATEGORY, amount }],
        });
    }
    let one = |mut of: potential::AccountPotential| {
        of.categories.pop().ok_or_else(|| {
            let needed = config().min_buyers;
            Lacking(format!("not enough data: need {needed} accounts that bought within a year, have fewer"))
        })
    };
    Ok(potentials(&given, &config())?.into_iter().map(one).collect())
}

/// What accounts spent in the year before the cutoff, by number, returns taken off, minor units.
fn spent(view: &AsOf<'_>) -> Vec<i64> {
    let from = view.cutoff().saturating_sub(YEAR_DAYS * DAY_US);
    let mut spent = vec![0_i64; view.accounts()];
    for order in view.orders().rev().take_while(|order| order.time >= from) {
        let sum = &mut spent[order.account as usize];
        *sum = sum.saturating_add(order.amount());
    }
    for back in view.returns().rev().take_while(|back| back.time >= from) {
        let sum = &mut spent[back.account as usize];
        *sum = sum.saturating_sub(back.amount());
    }
    spent
}

/// How the territories stand; accounts without one are in none.
#[must_use]
pub fn regions<'a>(
    accounts: &'a [Account],
    judged: &Found<Vec<Found<CategoryPotential>>>,
) -> BTreeMap<&'a str, Found<Region>> {
    let mut found: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, account) in accounts.iter().enumerate().filter(|(_, account)| !account.territory.is_empty())
    {
        found.entry(&account.territory).or_default().push(number);
    }
    found.into_iter().map(|(territory, members)| (territory, region(&members, judged))).collect()
}

fn region(members: &[usize], judged: &Found<Vec<Found<CategoryPotential>>>) -> Found<Region> {
    let judged = judged.as_ref().map_err(Clone::clone)?;
    let of = || members.iter().map(|&member| &judged[member]);
    if let (None, Some(Err(why))) = (of().find(|one| one.is_ok()), of().next()) {
        return Err(why.clone());
    }
    let standing = Standing::sum(of().flatten().map(|one| one.standing));
    let mix = standing.penetration.map(|penetration| action_mix(penetration, &MixConfig::default()));
    Ok(Region { accounts: members.len(), standing, mix })
}

/// Texts by number; an empty one has none.
#[derive(Default)]
struct Numbers<'a>(BTreeMap<&'a str, u32>);

impl<'a> Numbers<'a> {
    fn of(&mut self, text: &'a str) -> Option<u32> {
        let next = u32::try_from(self.0.len()).ok()?;
        (!text.is_empty()).then(|| *self.0.entry(text).or_insert(next))
    }
}
