//! What was applied: the rows that make a second delivery harmless, the counts, and which run of
//! a consumer is the latest.

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use salient_core::{Clock, Error, Result, TenantId};
use salient_store::{Connection, Db, Engine, Rows, Tx, sql};
use uuid::Uuid;

use crate::{envelope::Envelope, erasure};

/// How long a row is kept. A consumer that was down for longer, with events taken and committed
/// but not acknowledged, would apply those twice.
const RETENTION: TimeDelta = TimeDelta::days(30);

/// Makes this run of a consumer the latest. Waits for transactions of the run before it; those
/// that it begins from now on are refused.
pub(crate) async fn take_over(db: &Db, group: &str) -> Result<i64> {
    let mut tx = db.begin().await?;
    let (epoch,): (i64,) = sql("insert into event_consumers (consumer, epoch) values ($1, 1)
         on conflict (consumer) do update set epoch = event_consumers.epoch + 1
         returning epoch")
    .bind(group)
    .fetch_one(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(epoch)
}

/// Whether a run is still the latest, and stays it until the transaction ends.
pub(crate) async fn is_current_in_tx(tx: &mut Tx, group: &str, epoch: i64) -> Result<bool> {
    let text = match tx.engine() {
        // A transaction is the only writer there is.
        Engine::Sqlite => "select epoch from event_consumers where consumer = $1",
        Engine::Postgres => "select epoch from event_consumers where consumer = $1 for share",
    };
    let latest: Option<(i64,)> = sql(text).bind(group).fetch_optional(tx).await?;
    Ok(latest == Some((epoch,)))
}

/// Notes events as received and returns those that were not before.
pub(crate) async fn insert_in_tx(tx: &mut Tx, group: &str, events: &[&Envelope]) -> Result<HashSet<Uuid>> {
    let rows = Rows::new()
        .text("tenant", events.iter().map(|event| &event.tenant))
        .uuid("id", events.iter().map(|event| event.id));
    let fresh: Vec<(Uuid,)> = sql("insert into inbox (tenant, consumer, id, receive_time)
         select tenant, $1, id, $2 from {rows} where true
         on conflict do nothing
         returning id")
    .bind(group)
    // The machine's clock: a service may live through the past much faster than a bus does.
    .bind(Clock::system().now())
    .rows(rows)
    .fetch_all(tx)
    .await?;
    Ok(fresh.into_iter().map(|(id,)| id).collect())
}

/// Which of a type's counts grows.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    Published,
    Applied,
}

/// Adds to the counts of a service. They are kept by shard, because shards are committed side by
/// side and one row for all would make them wait for each other.
pub(crate) async fn count_in_tx<'a>(
    tx: &mut Tx,
    count: Count,
    events: impl Iterator<Item = (&'a TenantId, &'a str, u16)>,
) -> Result<()> {
    let text = match count {
        Count::Published => {
            "insert into event_counts (tenant, type, shard, published, applied)
             select tenant, type, shard, number, 0 from {rows} where true
             on conflict (tenant, type, shard)
             do update set published = event_counts.published + excluded.published"
        }
        Count::Applied => {
            "insert into event_counts (tenant, type, shard, published, applied)
             select tenant, type, shard, 0, number from {rows} where true
             on conflict (tenant, type, shard)
             do update set applied = event_counts.applied + excluded.applied"
        }
    };
    // Sorted, so that two transactions take rows in one order.
    let mut counts: BTreeMap<(&TenantId, &str, u16), i64> = BTreeMap::new();
    for key in events {
        *counts.entry(key).or_default() += 1;
    }
    let rows = Rows::new()
        .text("tenant", counts.keys().map(|(tenant, ..)| *tenant))
        .text("type", counts.keys().map(|(_, kind, _)| *kind))
        .int("shard", counts.keys().map(|(.., shard)| *shard))
        .int("number", counts.values().copied());
    sql(text).rows(rows).execute(tx).await?;
    Ok(())
}

pub(crate) async fn count_applied_in_tx(tx: &mut Tx, events: &[&Envelope]) -> Result<()> {
    let keys = events.iter().map(|event| (&event.tenant, event.type_.as_str(), event.shard));
    count_in_tx(tx, Count::Applied, keys).await
}

/// Keeps an event that could not be applied, without the records that speak of somebody who was
/// erased; nothing, if there are no others.
pub(crate) async fn put_aside_in_tx(
    tx: &mut Tx,
    group: &str,
    event: &Envelope,
    attempts: u32,
    error: &Error,
    clock: &Clock,
) -> Result<()> {
    let Some(data) = erasure::kept_in_tx(tx, event).await? else {
        tracing::info!(event = %event.id, "dead letter not kept, it speaks only of the erased");
        return Ok(());
    };
    // the error may quote what was left out
    let is_whole = data.len() == event.data.len();
    let error = if is_whole { without_nul(error.chain()) } else { erasure::ERASED.to_owned() };
    sql("insert into dead_letters
             (tenant, consumer, id, type, source, shard, subject, time, traceparent, data,
              error, attempts, fail_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
    .bind(&event.tenant)
    .bind(group)
    .bind(event.id)
    .bind(&event.type_)
    .bind(&event.source)
    .bind(event.shard)
    .bind(&event.subject)
    .bind(event.time)
    .bind(event.traceparent.clone())
    .bind(&data[..])
    .bind(error)
    .bind(attempts)
    .bind(clock.now())
    .execute(tx)
    .await?;
    Ok(())
}

/// Postgres takes no NUL in a text, and an error may quote what it did not like.
pub(crate) fn without_nul(mut text: String) -> String {
    text.retain(|c| c != '\0');
    text
}

/// Forgets what is too old to be delivered again.
pub(crate) async fn prune(db: &Db, group: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    sql("delete from inbox where consumer = $1 and receive_time < $2")
        .bind(group)
        .bind(Clock::system().now() - RETENTION)
        .execute(&mut tx)
        .await?;
    Ok(tx.commit().await?)
}
