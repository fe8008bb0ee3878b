//! Planning a day for every seller, or for one on demand.

use std::collections::HashMap;

use chrono::NaiveDate;
use prost::Message as _;
use salient_core::{Clock, Error, Result, SellerId, TenantId};
use salient_events::Outbox;
use salient_learn::pairs::{Candidate, PairModel};
use salient_proto::recommendation::v1 as pb;
use salient_store::{Db, RunContext};

use crate::{
    catalogue::{Product, Seller},
    domain::{Draft, schedule},
    planner::{self, Book, Drafter},
    plans,
    policies::{self, Policy},
    store::{self, plans::Pool},
};

/// Drafted accounts per place on a list: enough to fill the list again when items are dismissed.
const SPARE: usize = 3;

/// Sellers whose plans share a transaction.
const CHUNK: usize = 12;

/// What planning needs of the service.
#[derive(Clone, Debug)]
pub struct Planning {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// The way out for events.
    pub outbox: Outbox,
}

impl Planning {
    /// Handles a plan run: trains, ranks, pools, chooses. Safe to repeat.
    ///
    /// # Errors
    /// NOT_ENOUGH_DATA, or the store does not answer.
    pub async fn run(self, context: RunContext) -> Result<Vec<u8>> {
        let request: pb::StartPlanRunRequest = context.run.decode()?;
        // "today" is the day on which the run was asked for, also when it is repeated later
        let day = match request.date.as_str() {
            "" => context.run.create_time.date_naive(),
            text => schedule::parse_day("date", text)?,
        };
        let tenant = context.run.tenant.clone();
        context.progress(0.02, "reading the order history");
        let (book, products, sellers) = self.look(&tenant).await?;
        context.progress(0.15, "learning what comes true");
        let (policy, book) = self.policy(&tenant, day, book).await?;
        context.progress(0.65, "ranking products for every account");
        let (policy, ranker) = policy;
        let mut pools =
            self.pools(book, products, sellers.clone(), policy.clone(), ranker, day, None).await?;
        context.progress(0.9, "choosing every seller's list");
        let capacity: HashMap<&str, u32> =
            sellers.iter().map(|seller| (seller.id.as_str(), seller.capacity)).collect();
        let mut done = pb::PlanRun { date: day.to_string(), policy: policy.id.name(), ..Default::default() };
        plans::expire(&self.db, &self.outbox, &self.clock).await?;
        for chunk in pools.chunks_mut(CHUNK) {
            let mut tx = self.db.begin().await?;
            store::plans::put_pools_in_tx(&mut tx, &tenant, day, chunk).await?;
            for pool in chunk {
                let room = capacity.get(pool.seller.as_str()).copied().unwrap_or_default();
                let issued =
                    plans::choose_in_tx(&mut tx, &self.outbox, &self.clock, &tenant, day, pool, room).await?;
                done.recommendations += i32::try_from(issued).unwrap_or(i32::MAX);
                done.sellers += 1;
            }
            tx.commit().await?;
        }
        Ok(done.encode_to_vec())
    }

    /// Makes sure that a seller has a plan for today: chosen from the pool of the day, or, when
    /// no run made one, ranked now with the newest policy.
    ///
    /// # Errors
    /// NOT_READY when there is no policy; the seller is not known.
    pub async fn ensure(&self, tenant: &TenantId, seller: &SellerId, day: NaiveDate) -> Result<()> {
        let (pool, capacity) = {
            let mut read = self.db.read().await?;
            let found = store::catalogue::seller_by_id(&mut read, tenant, seller).await?;
            let known = found.ok_or_else(|| Error::not_found(seller))?;
            (store::plans::pool(&mut read, tenant, seller, day).await?, known.capacity)
        };
        let pool = match pool {
            Some(pool) => pool,
            None => self.pool_now(tenant, seller, day).await?,
        };
        plans::expire(&self.db, &self.outbox, &self.clock).await?;
        let mut tx = self.db.begin().await?;
        plans::choose_in_tx(&mut tx, &self.outbox, &self.clock, tenant, day, &pool, capacity).await?;
        Ok(tx.commit().await?)
    }

    async fn pool_now(&self, tenant: &TenantId, seller: &SellerId, day: NaiveDate) -> Result<Pool> {
        let until = schedule::start_of(day).timestamp_micros();
        let newest = store::policies::newest(&mut self.db.read().await?, tenant, until).await?;
        let (policy, ranker) = newest.ok_or_else(|| plans::not_ready(day))?;
        let (book, products, sellers) = self.look(tenant).await?;
        let sellers: Vec<Seller> = sellers.into_iter().filter(|known| known.id == *seller).collect();
        let pools = self.pools(book, products, sellers, policy, ranker, day, Some(seller)).await?;
        let mut pool = pools.into_iter().next().ok_or_else(|| Error::not_found(seller))?;
        let mut tx = self.db.begin().await?;
        store::plans::put_pools_in_tx(&mut tx, tenant, day, std::slice::from_mut(&mut pool)).await?;
        tx.commit().await?;
        Ok(pool)
    }

    async fn look(&self, tenant: &TenantId) -> Result<(Book, HashMap<String, Product>, Vec<Seller>)> {
        let mut read = self.db.read().await?;
        let book = store::history::load(&mut read, tenant).await?;
        let products = store::catalogue::all_products(&mut read, tenant).await?;
        let sellers = store::catalogue::list_sellers(&mut read, tenant, Vec::new(), None, i64::MAX).await?;
        Ok((book, products, sellers))
    }

    /// The policy for the day: the one that was trained for it, or a new one.
    async fn policy(
        &self,
        tenant: &TenantId,
        day: NaiveDate,
        book: Book,
    ) -> Result<((Policy, PairModel), Book)> {
        let as_of = schedule::start_of(day);
        let until = as_of.timestamp_micros();
        let newest = store::policies::newest(&mut self.db.read().await?, tenant, until).await?;
        if let Some(found) = newest.filter(|(policy, _)| policy.as_of == as_of) {
            return Ok((found, book));
        }
        let (trained, book) = blocking(move || (planner::train(&book.history, as_of), book)).await?;
        Ok((policies::keep(&self.db, &self.clock, tenant, as_of, trained?).await?, book))
    }

    /// Ranks and drafts, for all of `sellers`.
    #[expect(clippy::too_many_arguments, reason = "everything that a ranking looks at, moved to its thread")]
    async fn pools(
        &self,
        book: Book,
        products: HashMap<String, Product>,
        sellers: Vec<Seller>,
        policy: Policy,
        ranker: PairModel,
        day: NaiveDate,
        only: Option<&SellerId>,
    ) -> Result<Vec<Pool>> {
        let only = only.cloned();
        blocking(move || pools(&book, &products, &sellers, &policy, &ranker, day, only.as_ref())).await?
    }
}

/// Runs a computation beside the async runtime.
///
/// # Errors
/// It panicked.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

fn pools(
    book: &Book,
    products: &HashMap<String, Product>,
    sellers: &[Seller],
    policy: &Policy,
    ranker: &PairModel,
    day: NaiveDate,
    only: Option<&SellerId>,
) -> Result<Vec<Pool>> {
    let as_of = schedule::start_of(day);
    let candidates = planner::rank(ranker, &book.history, as_of, policy.value_exponent)?;
    let of_account = spans(&candidates);
    let territories = planner::by_territory(book);
    let mut drafter = Drafter::new(book, products, as_of, vec![policy.id.name()]);
    let wanted = sellers.iter().filter(|seller| only.is_none_or(|only| seller.id == *only));
    Ok(wanted
        .map(|seller| {
            let owned = seller.territories.iter().filter_map(|territory| territories.get(territory.as_str()));
            let accounts: Vec<u32> = owned.flatten().copied().collect();
            Pool {
                seller: seller.id.clone(),
                policy: policy.id,
                value_exponent: policy.value_exponent,
                book_size: u32::try_from(accounts.len()).unwrap_or(u32::MAX),
                drafts: drafts(&mut drafter, &candidates, &of_account, &accounts, policy, seller.capacity),
            }
        })
        .collect())
}

/// Where each account's candidates stand.
fn spans(candidates: &[Candidate]) -> HashMap<u32, std::ops::Range<usize>> {
    let mut found: HashMap<u32, std::ops::Range<usize>> = HashMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        found.entry(candidate.account).or_insert(place..place).end = place + 1;
    }
    found
}

/// The drafts of the accounts whose best candidate promises most, `SPARE` accounts per place.
fn drafts(
    drafter: &mut Drafter<'_>,
    candidates: &[Candidate],
    of_account: &HashMap<u32, std::ops::Range<usize>>,
    accounts: &[u32],
    policy: &Policy,
    capacity: u32,
) -> Vec<Draft> {
    let worth =
        |candidate: &Candidate| candidate.probability * candidate.amount.max(1.0).powf(policy.value_exponent);
    let mut best: Vec<(f64, u32)> = accounts
        .iter()
        .filter_map(|account| {
            let span = of_account.get(account)?.clone();
            candidates[span].iter().map(worth).max_by(f64::total_cmp).map(|worth| (worth, *account))
        })
        .collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    best.truncate(capacity as usize * SPARE + SPARE);
    best.iter()
        .filter_map(|(_, account)| of_account.get(account))
        .flat_map(|span| candidates[span.clone()].iter())
        .filter_map(|candidate| drafter.draft(candidate))
        .collect()
}

/// A plan run on the wire.
///
/// # Errors
/// The stored result is damaged.
pub fn on_wire(run: &salient_store::Run) -> Result<pb::PlanRun> {
    let request: pb::StartPlanRunRequest = run.decode()?;
    let mut found: pb::PlanRun = super::result(run)?;
    found.name = salient_core::PlanRunId::from_uuid(run.id).name();
    found.status = Some(super::status(run));
    if found.date.is_empty() {
        found.date =
            if request.date.is_empty() { run.create_time.date_naive().to_string() } else { request.date };
    }
    Ok(found)
}
