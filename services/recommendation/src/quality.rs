//! How good lists were: the share that came true, beside simple lists. The one place that looks
//! at orders after the day that was planned.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use salient_core::{AccountId, Error, Estimate, Result, TenantId};
use salient_learn::{
    evaluate::{Baseline, Chosen, baseline, random_popular},
    history::{Bought, Window},
    metrics::{cluster_bootstrap, wilson},
};
use salient_proto::{common::v1::Share, recommendation::v1 as pb};
use salient_store::Db;

use crate::{
    catalogue::Seller,
    domain::schedule,
    grpc::convert::estimate,
    planner::{Book, by_territory},
    runs::plan::blocking,
    store,
};

/// Name of a seller's biggest accounts with the product they bought most often.
pub const BIGGEST: &str = "biggest accounts, favourite product";

/// Name of the product that an account bought most often, where that is most often.
pub const OWN_COUNT: &str = "most often bought by the account";

/// Name of a random account with the most popular product.
pub const RANDOM: &str = "random account, most popular product";

/// Draws of the bootstrap over sellers.
const DRAWS: usize = 2_000;

/// Fixed, so that an interval comes out the same each time.
const SEED: u64 = 20_101_201;

/// Who is responsible for which account, and how much each can do.
#[derive(Debug)]
pub struct Owners {
    of: Vec<u32>,
    /// By seller.
    capacity: Vec<usize>,
}

impl Owners {
    /// By territory; an account of two sellers belongs to the first. Lists have `per_seller` items
    /// or, when that is 0, as many as each seller can do.
    #[must_use]
    pub fn new(book: &Book, sellers: &[Seller], per_seller: usize) -> Self {
        let nobody = u32::try_from(sellers.len()).unwrap_or(u32::MAX);
        let mut of = vec![nobody; book.accounts.len()];
        let territories = by_territory(book);
        for (number, seller) in (0..nobody).zip(sellers) {
            for territory in &seller.territories {
                for account in territories.get(territory.as_str()).into_iter().flatten() {
                    let owner = &mut of[*account as usize];
                    *owner = (*owner).min(number);
                }
            }
        }
        let capacity = sellers
            .iter()
            .map(|seller| if per_seller == 0 { seller.capacity as usize } else { per_seller })
            .collect();
        Self { of, capacity }
    }

    /// The owner's number.
    #[must_use]
    pub fn of(&self, account: u32) -> u32 {
        self.of[account as usize]
    }

    /// The most items on a list.
    #[must_use]
    pub fn most(&self) -> usize {
        self.capacity.iter().copied().max().unwrap_or_default()
    }

    /// Of lists with [`Owners::most`] items, best first: what each seller can do. What belongs to
    /// nobody goes.
    #[must_use]
    pub fn cut(&self, mut chosen: Vec<Chosen>) -> Vec<Chosen> {
        let mut room = self.capacity.clone();
        chosen.retain(|item| match room.get_mut(item.seller as usize) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        });
        chosen
    }
}

/// What one list of one or more days came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Items and items that came true, by seller.
    by_seller: BTreeMap<u32, (f64, f64)>,
    promised: f64,
    promises: u64,
    worth: f64,
    items: u64,
    kept: u64,
    /// Set for a list that is known in expectation only: kept and all.
    expectation: Option<(f64, u64)>,
}

impl Tally {
    /// Judges a list against the orders of the days after.
    #[must_use]
    pub fn of(chosen: &[Chosen], window: &Window<'_>, bought: &Bought) -> Self {
        let mut tally = Self::default();
        let mut hits: HashMap<(u32, u32), ()> = HashMap::new();
        for item in chosen {
            let hit = bought.pair(item.account, item.product);
            let group = tally.by_seller.entry(item.seller).or_default();
            group.0 += f64::from(u8::from(hit));
            group.1 += 1.0;
            tally.items += 1;
            tally.kept += u64::from(hit);
            if !item.probability.is_nan() {
                tally.promised += item.probability;
                tally.promises += 1;
            }
            if hit {
                hits.insert((item.account, item.product), ());
            }
        }
        for order in window.orders() {
            for (product, amount) in order.products.iter().zip(order.amounts) {
                if hits.contains_key(&(order.account, *product)) {
                    tally.worth += *amount as f64;
                }
            }
        }
        tally
    }

    /// A list known in expectation only.
    #[must_use]
    pub fn expected(share: f64, accounts: usize) -> Self {
        let total = accounts as u64;
        Self { expectation: Some((share * accounts as f64, total)), ..Self::default() }
    }

    /// Adds another day of the same list.
    pub fn add(&mut self, other: &Self) {
        for (seller, group) in &other.by_seller {
            let sum = self.by_seller.entry(*seller).or_default();
            sum.0 += group.0;
            sum.1 += group.1;
        }
        self.promised += other.promised;
        self.promises += other.promises;
        self.worth += other.worth;
        self.items += other.items;
        self.kept += other.kept;
        self.expectation = match (self.expectation, other.expectation) {
            (Some(a), Some(b)) => Some((a.0 + b.0, a.1 + b.1)),
            (a, b) => a.or(b),
        };
    }

    /// On the wire.
    #[must_use]
    pub fn on_wire(&self, list: &str, book: &Book) -> pb::ListQuality {
        let groups: Vec<(f64, f64)> = self.by_seller.values().copied().collect();
        let (kept, total, interval) = match self.expectation {
            Some((kept, total)) => (kept.round() as u64, total, wilson(kept.round() as u64, total, 0.95)),
            None => (self.kept, self.items, cluster_bootstrap(&groups, 0.95, DRAWS, SEED)),
        };
        let some = total > 0;
        pb::ListQuality {
            list: list.to_owned(),
            kept: Some(Share {
                count: i64::try_from(kept).unwrap_or(i64::MAX),
                total: i64::try_from(total).unwrap_or(i64::MAX),
                value: some.then(|| kept as f64 / total as f64),
                low: some.then_some(interval.low),
                high: some.then_some(interval.high),
            }),
            promised: (self.promises > 0).then(|| self.promised / self.promises as f64),
            worth: self
                .expectation
                .is_none()
                .then(|| estimate(Estimate { minor_units: self.worth, currency: book.currency })),
        }
    }
}

/// The days after a cutoff in which a recommendation may come true.
#[must_use]
pub fn window(book: &Book, as_of: DateTime<Utc>, days: i64) -> Window<'_> {
    let until = as_of + TimeDelta::days(days);
    book.history.window(as_of.timestamp_micros(), until.timestamp_micros())
}

/// The simple lists of a day.
#[must_use]
pub fn simple(book: &Book, owners: &Owners, as_of: DateTime<Utc>, days: i64) -> Vec<(&'static str, Tally)> {
    let view = book.history.as_of(as_of.timestamp_micros());
    let window = window(book, as_of, days);
    let bought = window.bought();
    let list = |kind| {
        let chosen = owners.cut(baseline(kind, &view, |account| owners.of(account), owners.most()));
        Tally::of(&chosen, &window, &bought)
    };
    vec![
        (BIGGEST, list(Baseline::BiggestAccounts)),
        (OWN_COUNT, list(Baseline::OwnCount)),
        (RANDOM, Tally::expected(random_popular(&view, &bought), view.known_accounts().len())),
    ]
}

/// How good the issued plans of a day were.
///
/// # Errors
/// No plan was made for the day, or it is no day.
pub async fn of_plans(
    db: &Db,
    tenant: &TenantId,
    request: &pb::EvaluatePlansRequest,
) -> Result<pb::EvaluatePlansResponse> {
    let day = schedule::parse_day("date", &request.date)?;
    let days =
        if request.horizon_days == 0 { schedule::HORIZON_DAYS } else { i64::from(request.horizon_days) };
    let mut read = db.read().await?;
    let issued = store::recommendations::promised_of_day(&mut read, tenant, day).await?;
    if issued.is_empty() {
        return Err(Error::not_found(format!("a plan for {day}")));
    }
    let sellers = store::catalogue::list_sellers(&mut read, tenant, Vec::new(), None, i64::MAX).await?;
    let book = store::history::load(&mut read, tenant).await?;
    drop(read);
    let date = request.date.clone();
    blocking(move || {
        let as_of = schedule::start_of(day);
        let owners = Owners::new(&book, &sellers, 0);
        let accounts: HashMap<_, u32> = book.accounts.iter().map(|account| account.id).zip(0..).collect();
        let products: HashMap<&str, u32> = book.products.iter().map(String::as_str).zip(0..).collect();
        let numbers: HashMap<&str, u32> = sellers.iter().map(|seller| seller.id.as_str()).zip(0..).collect();
        // what was withdrawn and came back on the same day was offered once
        let mut seen = HashSet::new();
        let chosen: Vec<Chosen> = issued
            .iter()
            .filter(|item| seen.insert((&item.seller, item.account, &item.product)))
            .filter_map(|item| {
                Some(Chosen {
                    seller: *numbers.get(item.seller.as_str())?,
                    account: *accounts.get(&book.roots.of(AccountId::from_uuid(item.account)))?,
                    product: *products.get(item.product.as_str())?,
                    probability: item.probability,
                    amount: item.amount,
                })
            })
            .collect();
        let after = window(&book, as_of, days);
        let plan = Tally::of(&chosen, &after, &after.bought());
        let mut lists = vec![plan.on_wire("plan", &book)];
        let simple = simple(&book, &owners, as_of, days);
        lists.extend(
            simple
                .iter()
                .filter(|(name, _)| *name != OWN_COUNT)
                .map(|(name, tally)| tally.on_wire(name, &book)),
        );
        let until = (as_of + TimeDelta::days(days)).timestamp_micros();
        let a_day = TimeDelta::days(1).num_microseconds().unwrap_or_default();
        let incomplete = book.history.last_time().is_none_or(|last| last + a_day < until);
        pb::EvaluatePlansResponse { date, lists, incomplete }
    })
    .await
}
