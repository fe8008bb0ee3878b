//! The daily plan: choosing a seller's list from the pool of the day, again whenever the picture
//! has changed.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use salient_core::{AccountId, Clock, Error, Reason, RecommendationId, Result, SellerId, TenantId};
use salient_events::{Outbox, shard_of};
use salient_ledger::roots::Roots;
use salient_proto::recommendation::v1::{RecommendationsExpired, RecommendationsIssued};
use salient_store::{Db, Tx};

use crate::{
    domain::{
        Draft, Plan, Recommendation, State, approach::Approaches, recommendation::freeze, schedule, slate,
        suppression::Resting,
    },
    grpc::convert,
    store::{
        self,
        plans::{Head, Pool},
    },
};

/// A pair that expired unanswered this often within [`REOFFER_DAYS`] rests until those are over.
const REOFFER_LIMIT: i64 = 2;

/// See [`REOFFER_LIMIT`].
const REOFFER_DAYS: i64 = 30;

/// Marks today's plans as overtaken.
///
/// # Errors
/// The store does not answer.
pub async fn mark_all_stale_in_tx(tx: &mut Tx, tenant: &TenantId, now: DateTime<Utc>) -> Result<()> {
    store::plans::mark_all_stale_in_tx(tx, tenant, now.date_naive()).await
}

/// A seller's plan of a day as it stands: `None` when there is none or it was overtaken today.
///
/// # Errors
/// The seller is not known, or the store does not answer.
pub async fn standing(
    db: &Db,
    clock: &Clock,
    tenant: &TenantId,
    seller: &SellerId,
    day: NaiveDate,
) -> Result<Option<Plan>> {
    let mut read = db.read().await?;
    let found = store::catalogue::seller_by_id(&mut read, tenant, seller).await?;
    let known = found.ok_or_else(|| Error::not_found(seller))?;
    let Some(head) = store::plans::head(&mut read, tenant, seller, day).await? else { return Ok(None) };
    let now = clock.now();
    if head.stale && day == now.date_naive() {
        return Ok(None);
    }
    let items = store::recommendations::of_day(&mut read, tenant, day, seller).await?;
    let holding = store::suppressions::holding(&mut read, tenant, now).await?;
    let notices = holding
        .iter()
        .filter(|entry| entry.seller == *seller)
        .filter(|entry| now - entry.react_time < TimeDelta::days(1))
        .map(|entry| entry.suppression.effect.clone())
        .collect();
    Ok(Some(Plan {
        seller: seller.clone(),
        seller_name: known.display_name,
        day,
        recommendations: items.into_iter().filter(|item| item.state.is_open()).collect(),
        notices,
        book_size: head.book_size,
        eligible_accounts: head.eligible_accounts,
        policy: head.policy.name(),
        plan_time: head.plan_time,
    }))
}

/// Chooses a seller's list of a day from its pool, issues what is new and withdraws what no
/// longer stands.
///
/// # Errors
/// The store does not answer.
pub async fn choose_in_tx(
    tx: &mut Tx,
    outbox: &Outbox,
    clock: &Clock,
    tenant: &TenantId,
    day: NaiveDate,
    pool: &Pool,
    capacity: u32,
) -> Result<usize> {
    store::plans::take_turn_in_tx(tx, tenant).await?;
    // not before: what came while this waited is not later than now
    let now = clock.now();
    // what is known of an account that was merged is known of its profile, which is offered instead
    let roots = Roots::load(tx, tenant).await?;
    let drafts: Vec<Draft> =
        pool.drafts.iter().filter(|draft| !roots.is_merged(draft.account)).cloned().collect();
    let profiles: HashSet<AccountId> = drafts.iter().map(|draft| draft.account).collect();
    let accounts = roots.members(profiles);
    let today = store::recommendations::of_day(tx, tenant, day, &pool.seller).await?;
    let open = store::recommendations::open_of_accounts(tx, tenant, accounts.iter().copied()).await?;
    let holding = store::suppressions::holding(tx, tenant, now).await?;
    let suppressions: Vec<_> =
        holding.into_iter().map(|entry| entry.suppression.of(|account| roots.of(account))).collect();
    let blocked = store::catalogue::blocked_products(tx, tenant).await?;
    let start = schedule::start_of(day);
    // a day that is over is planned as it began
    let bought = if day == now.date_naive() {
        store::plans::bought_since(tx, tenant, accounts.iter().copied(), start, now).await?
    } else {
        Vec::new()
    };
    let since = now - TimeDelta::days(REOFFER_DAYS);
    let unanswered =
        store::recommendations::unanswered_in_tx(tx, tenant, accounts.iter().copied(), since).await?;
    let tired = unanswered.into_iter().filter(|(_, _, times)| *times >= REOFFER_LIMIT);

    let named = today.iter().chain(&open).filter_map(|item| item.frozen.draft.contact.as_ref());
    let named: HashSet<_> = named.map(|contact| contact.id).collect();
    let everywhere = roots.members(today.iter().map(|item| roots.of(item.frozen.draft.account)));
    let everywhere: HashSet<AccountId> = accounts.iter().copied().chain(everywhere).collect();
    let approaches = store::people::approaches(tx, tenant, &roots, everywhere, named).await?;
    // what a seller took on stays; what was done or put off today is not asked again today
    let kept: Vec<Recommendation> = today
        .iter()
        .filter(|item| item.state == State::Accepted)
        .map(|item| permitted(item, &approaches, &roots))
        .collect();
    let done = today.iter().filter(|item| matches!(item.state, State::Completed | State::Snoozed));
    let elsewhere = open.iter().filter(|item| match item.state {
        State::Issued => item.seller != pool.seller,
        state => state == State::Accepted,
    });
    let rules = slate::Rules {
        resting: Resting::at(now, &suppressions),
        blocked,
        just_bought: bought
            .into_iter()
            .chain(tired.map(|(account, product, _)| (account, product)))
            .map(|(account, product)| (roots.of(account), product))
            .collect(),
        taken: done
            .chain(elsewhere)
            .chain(kept.iter())
            .map(|item| roots.of(item.frozen.draft.account))
            .collect(),
    };
    let room = (capacity as usize).saturating_sub(kept.len());
    let slate = slate::choose(&drafts, &rules, pool.value_exponent, room);

    let policy = pool.policy.name();
    let mut ranks = 1..;
    let mut kept: Vec<Recommendation> =
        kept.into_iter().zip(&mut ranks).map(|(item, rank)| Recommendation { rank, ..item }).collect();
    let mut issued = Vec::with_capacity(slate.drafts.len());
    for (draft, rank) in slate.drafts.iter().zip(&mut ranks) {
        let frozen = freeze(draft, approaches.of(draft.account), day, &policy, now);
        let equal = open.iter().find(|item| {
            let other = &item.frozen.draft;
            other.account == draft.account && other.product == draft.product && other.play == draft.play
        });
        issued.push(match equal {
            // the same again today moves at most its place; from an earlier day it is brought up
            // to date, but its token stays, and its deadline unless it was put off
            Some(item) if item.day == day && stands(item, &approaches, &roots) => {
                Recommendation { rank, ..item.clone() }
            }
            Some(item) => {
                let mut frozen = frozen;
                frozen.issue_time = item.frozen.issue_time;
                let mut state_time = now;
                if item.state == State::Issued {
                    frozen.expire_time = item.frozen.expire_time;
                    state_time = item.state_time;
                }
                let seller = pool.seller.clone();
                Recommendation { day, rank, seller, frozen, state: State::Issued, state_time, ..item.clone() }
            }
            None => Recommendation {
                id: RecommendationId::new(clock),
                seller: pool.seller.clone(),
                day,
                rank,
                attribution_token: token(),
                frozen,
                state: State::Issued,
                state_time: now,
            },
        });
    }
    // one that only moves on the list is the same recommendation
    let same = |item: &Recommendation, other: &Recommendation| {
        *other == Recommendation { rank: other.rank, ..item.clone() }
    };
    let changed: Vec<Recommendation> = issued
        .iter()
        .chain(&kept)
        .filter(|item| !open.iter().chain(&today).any(|other| same(item, other)))
        .cloned()
        .collect();
    let still: HashSet<RecommendationId> = issued.iter().map(|item| item.id).collect();
    let withdrawn: Vec<Recommendation> = today
        .into_iter()
        .filter(|item| item.state == State::Issued && !still.contains(&item.id))
        .map(|item| Recommendation { state: State::Expired, state_time: now, ..item })
        .collect();
    let count = changed.len();
    kept.extend(issued);
    // withdrawn first: the dedupe key of what was withdrawn may be issued again later
    store::recommendations::put_in_tx(tx, tenant, &withdrawn).await?;
    store::recommendations::put_in_tx(tx, tenant, &changed).await?;
    store::recommendations::place_in_tx(tx, tenant, &kept).await?;
    let head = Head {
        policy: pool.policy,
        book_size: pool.book_size,
        eligible_accounts: u32::try_from(slate.eligible_accounts).unwrap_or(u32::MAX),
        plan_time: now,
        stale: false,
    };
    store::plans::put_head_in_tx(tx, tenant, &pool.seller, day, &head).await?;
    announce_in_tx(tx, outbox, tenant, changed, withdrawn).await?;
    Ok(count)
}

fn stands(item: &Recommendation, approaches: &Approaches, roots: &Roots) -> bool {
    let draft = &item.frozen.draft;
    approaches.stands(roots.of(draft.account), draft.contact.as_ref(), item.frozen.channel)
}

/// The item as it may be acted on: as it is, or with another person or none if the one that it names
/// may not be contacted in that way any more.
fn permitted(item: &Recommendation, approaches: &Approaches, roots: &Roots) -> Recommendation {
    let mut item = item.clone();
    if !stands(&item, approaches, roots) {
        let approach = approaches.of(roots.of(item.frozen.draft.account));
        (item.frozen.draft.contact, item.frozen.channel) = (approach.contact, approach.channel);
    }
    item
}

/// Publishes what was issued and what was withdrawn, by the shard of the account.
async fn announce_in_tx(
    tx: &mut Tx,
    outbox: &Outbox,
    tenant: &TenantId,
    issued: Vec<Recommendation>,
    withdrawn: Vec<Recommendation>,
) -> Result<()> {
    let mut events = Vec::new();
    let shard = |item: &Recommendation| shard_of(item.frozen.draft.account.uuid().as_bytes());
    for (number, items) in by_shard(issued, shard) {
        let message = RecommendationsIssued {
            recommendations: items.into_iter().map(convert::recommendation).collect(),
        };
        events.push(outbox.event(tenant, number, &message));
    }
    for (number, items) in by_shard(withdrawn, shard) {
        let message = RecommendationsExpired { names: items.iter().map(|item| item.id.name()).collect() };
        events.push(outbox.event(tenant, number, &message));
    }
    outbox.publish_in_tx(tx, &events).await
}

fn by_shard<T>(items: Vec<T>, shard: impl Fn(&T) -> u16) -> BTreeMap<u16, Vec<T>> {
    let mut groups = BTreeMap::new();
    for item in items {
        groups.entry(shard(&item)).or_insert_with(Vec::new).push(item);
    }
    groups
}

/// Expires what nobody answered in time, and what a seller took on and has not done within the days
/// in which it could come true, and tells.
///
/// # Errors
/// The store does not answer.
pub async fn expire(db: &Db, outbox: &Outbox, clock: &Clock) -> Result<usize> {
    let (now, mut count) = (clock.now(), 0);
    let taken_on = now - TimeDelta::days(schedule::HORIZON_DAYS);
    let overdue = store::recommendations::overdue(&mut db.read().await?, now, taken_on).await?;
    for (tenant, ids) in overdue {
        let mut tx = db.begin().await?;
        // who is choosing a list would write back what expires now
        store::plans::hold_in_tx(&mut tx, &tenant).await?;
        let expired = store::recommendations::expire_in_tx(&mut tx, &tenant, &ids, now, taken_on).await?;
        count += expired.len();
        let events: Vec<_> = by_shard(expired, |(_, account)| shard_of(account.uuid().as_bytes()))
            .into_iter()
            .map(|(shard, expired)| {
                let names = expired.iter().map(|(id, _)| id.name()).collect();
                outbox.event(&tenant, shard, &RecommendationsExpired { names })
            })
            .collect();
        outbox.publish_in_tx(&mut tx, &events).await?;
        tx.commit().await?;
    }
    Ok(count)
}

/// An attribution token: 128 bits of chance, so that nobody can guess one.
fn token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// No plan can be made yet; what must happen first.
#[must_use]
pub fn not_ready(day: NaiveDate) -> Error {
    Error::new(
        Reason::NotReady,
        format!("no plan was made for {day} and no ranking policy exists yet; start a plan run first"),
    )
}
