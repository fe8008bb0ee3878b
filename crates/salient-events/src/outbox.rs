//! The outbox: events that share the commit of the state they tell of.
//!
//! A row stands here from that commit until the bus has taken the event. Then it goes, so that
//! the table is as large as the backlog and an erased person is not in it.

use std::sync::Arc;

use prost::{Message, Name};
use salient_core::{Clock, Result, TenantId, from_micros, to_micros};
use salient_store::{Db, Error, Rows, Signal, Tx, sql, with};
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{
    bus::Limit,
    envelope::{Envelope, SHARDS},
    inbox::{Count, count_in_tx},
};

/// How many rows one statement inserts. Few enough that the statement of each length stays
/// prepared.
const ROWS: usize = 16;

/// What wakes the relay of each shard after a commit.
const SIGNALS: [&str; SHARDS as usize] =
    ["outbox.0", "outbox.1", "outbox.2", "outbox.3", "outbox.4", "outbox.5", "outbox.6", "outbox.7"];

/// The way out of a service, for code that makes events in several places. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox {
    source: Arc<str>,
    clock: Clock,
}

impl Outbox {
    /// The outbox of the service `source`.
    #[must_use]
    pub fn new(source: &str, clock: Clock) -> Self {
        Self { source: source.into(), clock }
    }

    /// The service.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// [`Envelope::new`] from this service, now.
    #[must_use]
    pub fn event<M: Message + Name>(&self, tenant: &TenantId, shard: u16, message: &M) -> Envelope {
        Envelope::new(&self.source, &self.clock, tenant, shard, message)
    }

    /// [`publish_in_tx`].
    ///
    /// # Errors
    /// What the store says.
    pub async fn publish_in_tx(&self, tx: &mut Tx, events: &[Envelope]) -> Result<()> {
        publish_in_tx(tx, events).await
    }
}

/// Publishes events with the commit of `tx`, and wakes the relay then.
///
/// Write the state first: then whoever waits for a row of this transaction publishes after it,
/// and events of one account are in the order of its changes.
///
/// # Errors
/// What the store says.
pub async fn publish_in_tx(tx: &mut Tx, events: &[Envelope]) -> Result<()> {
    for events in events.chunks(ROWS) {
        with!(tx, |c| {
            QueryBuilder::new(
                "insert into outbox (tenant, id, type, source, shard, subject, time, \
                 traceparent, weight, data) ",
            )
            .push_values(events, |mut row, event| {
                row.push_bind(event.tenant.as_str())
                    .push_bind(event.id)
                    .push_bind(event.type_.as_str())
                    .push_bind(event.source.as_str())
                    .push_bind(i64::from(event.shard))
                    .push_bind(event.subject.as_str())
                    .push_bind(to_micros(event.time))
                    .push_bind(event.traceparent.as_deref())
                    .push_bind(event.weight() as i64)
                    .push_bind(&event.data[..]);
            })
            .build()
            .execute(&mut *c)
            .await
            .map(drop)
        })?;
    }
    for event in events {
        tx.wake(signal_name(event.shard));
    }
    Ok(())
}

fn signal_name(shard: u16) -> &'static str {
    SIGNALS[usize::from(shard % SHARDS)]
}

/// Tells when events of a shard were committed by this process.
pub(crate) fn signal(db: &Db, shard: u16) -> Signal {
    db.signal(signal_name(shard))
}

/// An event in the outbox.
pub(crate) struct Row {
    pub(crate) seq: i64,
    pub(crate) event: Envelope,
}

#[derive(sqlx::FromRow)]
struct Raw {
    seq: i64,
    tenant: String,
    id: Uuid,
    r#type: String,
    source: String,
    shard: i64,
    subject: String,
    time: i64,
    traceparent: Option<String>,
    data: Vec<u8>,
}

impl TryFrom<Raw> for Row {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        let event = Envelope {
            id: raw.id,
            type_: raw.r#type,
            source: raw.source,
            tenant: tenant(raw.tenant, raw.seq)?,
            shard: shard(raw.shard, raw.seq)?,
            subject: raw.subject,
            time: from_micros(raw.time),
            traceparent: raw.traceparent,
            data: raw.data.into(),
        };
        Ok(Self { seq: raw.seq, event })
    }
}

fn tenant(text: String, seq: i64) -> Result<TenantId, Error> {
    TenantId::try_from(text).map_err(|error| Error::inconsistent("outbox", "tenant", seq, error))
}

fn shard(number: i64, seq: i64) -> Result<u16, Error> {
    u16::try_from(number)
        .ok()
        .filter(|shard| *shard < SHARDS)
        .ok_or_else(|| Error::inconsistent("outbox", "shard", seq, number))
}

/// The front of a shard. Always what is there, never "after the last one seen": of two
/// transactions the one with the higher numbers may commit first.
pub(crate) async fn front(db: &Db, shard: u16, limit: Limit) -> Result<Vec<Row>> {
    let mut read = db.read().await?;
    let rows: Vec<Raw> = sql("select seq, tenant, id, type, source, shard, subject, time, traceparent, data
         from outbox
         where shard = $1 and seq <= (
             select max(seq) from (
                 select seq, sum(weight) over (order by seq) - weight as before
                 from (select seq, weight from outbox where shard = $1 order by seq limit $2) f
             ) w
             where before < $3)
         order by seq")
    .bind(shard)
    .bind(limit.events as i64)
    .bind(limit.bytes as i64)
    .fetch_all(&mut read)
    .await?;
    let rows = rows.into_iter().map(Row::try_from);
    Ok(rows.collect::<Result<_, Error>>()?)
}

/// The number of the last event that waits; 0 when none does.
///
/// # Errors
/// What the store says.
pub async fn last(db: &Db) -> Result<i64> {
    let (last,): (i64,) =
        sql("select coalesce(max(seq), 0) from outbox").fetch_one(&mut db.read().await?).await?;
    Ok(last)
}

/// Whether every event up to the number `last` has been published.
///
/// # Errors
/// What the store says.
pub async fn is_past(db: &Db, last: i64) -> Result<bool> {
    let waiting: Option<(i64,)> = sql("select seq from outbox where seq <= $1 limit 1")
        .bind(last)
        .fetch_optional(&mut db.read().await?)
        .await?;
    Ok(waiting.is_none())
}

/// Takes published events out and counts those that were still there.
pub(crate) async fn remove(db: &Db, rows: &[Row]) -> Result<()> {
    let mut tx = db.begin().await?;
    let removed: Vec<(i64, String, String, i64)> =
        sql("delete from outbox where seq in (select seq from {rows})
         returning seq, tenant, type, shard")
        .rows(Rows::new().int("seq", rows.iter().map(|row| row.seq)))
        .fetch_all(&mut tx)
        .await?;
    let removed = removed
        .into_iter()
        .map(|(seq, name, kind, number)| Ok((tenant(name, seq)?, kind, shard(number, seq)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let keys = removed.iter().map(|(tenant, kind, shard)| (tenant, kind.as_str(), *shard));
    count_in_tx(&mut tx, Count::Published, keys).await?;
    Ok(tx.commit().await?)
}
