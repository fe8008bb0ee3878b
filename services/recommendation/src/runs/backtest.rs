//! Past days planned as if each were today, and what came true.

use std::collections::HashMap;

use prost::Message as _;
use salient_core::{BacktestId, Result};
use salient_learn::{
    evaluate::{Chosen, lists},
    pairs::{Candidate, RankOptions},
};
use salient_proto::recommendation::v1 as pb;
use salient_store::{Run, RunContext};

use super::plan::{Planning, blocking};
use crate::{
    catalogue::{Product, Seller},
    domain::schedule,
    planner::{self, Book},
    policies::VALUE_EXPONENT,
    quality::{Owners, Tally, simple, window},
    store,
};

/// Name of the whole list.
pub const WHOLE: &str = "plan";

/// Name of the list of products that are new to the account.
pub const NEW: &str = "plan, products new to the account";

/// Candidates looked at per account: all of both kinds.
const PER_ACCOUNT: usize = 20;

impl Planning {
    /// Handles a backtest. Issues nothing; safe to repeat.
    ///
    /// # Errors
    /// NOT_ENOUGH_DATA with the day, or the store does not answer.
    pub async fn backtest(self, context: RunContext) -> Result<Vec<u8>> {
        let request: pb::StartBacktestRequest = context.run.decode()?;
        let tenant = context.run.tenant.clone();
        context.progress(0.0, "reading the order history");
        let mut read = self.db.read().await?;
        let book = store::history::load(&mut read, &tenant).await?;
        let products = store::catalogue::all_products(&mut read, &tenant).await?;
        let sellers = store::catalogue::list_sellers(&mut read, &tenant, Vec::new(), None, i64::MAX).await?;
        drop(read);
        blocking(move || days(&book, &products, &sellers, &request, &context)).await?
    }
}

fn days(
    book: &Book,
    products: &HashMap<String, Product>,
    sellers: &[Seller],
    request: &pb::StartBacktestRequest,
    context: &RunContext,
) -> Result<Vec<u8>> {
    let owners = Owners::new(book, sellers, request.per_seller.unsigned_abs() as usize);
    let mut sums: Vec<(&'static str, Tally)> = Vec::new();
    let mut found = pb::Backtest::default();
    for (place, date) in request.dates.iter().enumerate() {
        context.progress(
            place as f64 / request.dates.len() as f64,
            format!("planning {date} as if it were today"),
        );
        let tallies = day(book, products, &owners, date)?;
        found.days.push(pb::backtest::Day {
            date: date.clone(),
            lists: tallies.iter().map(|(name, tally)| tally.on_wire(name, book)).collect(),
        });
        if sums.is_empty() {
            sums = tallies;
        } else {
            sums.iter_mut().zip(&tallies).for_each(|((_, sum), (_, tally))| sum.add(tally));
        }
    }
    found.mean = sums.iter().map(|(name, tally)| tally.on_wire(name, book)).collect();
    Ok(found.encode_to_vec())
}

fn day(
    book: &Book,
    products: &HashMap<String, Product>,
    owners: &Owners,
    date: &str,
) -> Result<Vec<(&'static str, Tally)>> {
    let as_of = schedule::start_of(schedule::parse_day("dates", date)?);
    let model = planner::train(&book.history, as_of)?;
    let options =
        RankOptions { per_account: PER_ACCOUNT, explained: 0, gamma: VALUE_EXPONENT, ..Default::default() };
    let view = book.history.as_of(as_of.timestamp_micros());
    let mut ranking: Vec<Candidate> = model.rank(&view, &options).map_err(planner::refusal)?;
    ranking.retain(|candidate| {
        products.get(&book.products[candidate.product as usize]).is_some_and(|product| !product.blocked)
    });
    let after = window(book, as_of, schedule::HORIZON_DAYS);
    let bought = after.bought();
    let tally = |only_new| {
        let chosen: Vec<Chosen> =
            owners.cut(lists(&ranking, |account| owners.of(account), owners.most(), only_new));
        Tally::of(&chosen, &after, &bought)
    };
    let mut tallies = vec![(WHOLE, tally(false)), (NEW, tally(true))];
    tallies.extend(simple(book, owners, as_of, schedule::HORIZON_DAYS));
    Ok(tallies)
}

/// A backtest on the wire.
///
/// # Errors
/// The stored result is damaged.
pub fn on_wire(run: &Run) -> Result<pb::Backtest> {
    let mut found: pb::Backtest = super::result(run)?;
    found.name = BacktestId::from_uuid(run.id).name();
    found.status = Some(super::status(run));
    Ok(found)
}
