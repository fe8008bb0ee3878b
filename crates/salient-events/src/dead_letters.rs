//! Events that could not be applied: seeing them and applying them again.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use salient_core::{Clock, Page, Result, TenantId, from_micros};
use salient_store::{Db, Error, sql};
use uuid::Uuid;

use crate::{
    consumer::{Consumer, HandlerCtx, Handlers, run_handler},
    envelope::{Envelope, SHARDS},
    inbox,
};

/// An event that could not be applied, and why.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The group that gave up on it.
    pub consumer: String,
    /// The event, whole.
    pub envelope: Envelope,
    /// Why it failed the last time. For operators: it may speak of the inside of the service.
    pub error: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was put aside, by the service's clock.
    pub fail_time: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    consumer: String,
    id: Uuid,
    r#type: String,
    source: String,
    shard: i64,
    subject: String,
    time: i64,
    traceparent: Option<String>,
    data: Vec<u8>,
    error: String,
    attempts: i64,
    fail_time: i64,
}

impl Raw {
    fn into_letter(self, tenant: &TenantId) -> Result<DeadLetter, Error> {
        let shard = u16::try_from(self.shard).ok().filter(|shard| *shard < SHARDS);
        let shard = shard.ok_or_else(|| Error::inconsistent("dead_letters", "shard", self.id, self.shard))?;
        Ok(DeadLetter {
            consumer: self.consumer,
            envelope: Envelope {
                id: self.id,
                type_: self.r#type,
                source: self.source,
                tenant: tenant.clone(),
                shard,
                subject: self.subject,
                time: from_micros(self.time),
                traceparent: self.traceparent,
                data: self.data.into(),
            },
            error: self.error,
            attempts: self.attempts,
            fail_time: from_micros(self.fail_time),
        })
    }
}

/// A page of a tenant's dead letters, newest first, and the token of the next page. Make `page`
/// with [`salient_core::page::page`].
///
/// # Errors
/// PAGE_TOKEN_INVALID, or what the store says.
pub async fn list(db: &Db, tenant: &TenantId, page: &Page) -> Result<(Vec<DeadLetter>, String)> {
    // Before everything there is, on the first page.
    let (time, id) = page.key()?.unwrap_or((i64::MAX, Uuid::max()));
    let mut read = db.read().await?;
    let rows: Vec<Raw> = sql("select consumer, id, type, source, shard, subject, time, traceparent, data,
                error, attempts, fail_time
         from dead_letters
         where tenant = $1 and (fail_time, id) < ($2, $3)
         order by fail_time desc, id desc
         limit $4")
    .bind(tenant)
    .bind(time)
    .bind(id)
    .bind(page.limit())
    .fetch_all(&mut read)
    .await?;
    let (rows, next) = page.cut(rows, |row| (row.fail_time, row.id));
    let letters = rows.into_iter().map(|row| row.into_letter(tenant));
    Ok((letters.collect::<Result<_, Error>>()?, next))
}

/// What became of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Applied this time, and dead letters no more.
    pub applied: i32,
    /// Failed again, and still kept.
    pub failed: i32,
}

/// Applies dead letters again with the handlers of a consumer. Cheap to clone.
#[derive(Clone)]
pub struct Replay {
    db: Db,
    clock: Clock,
    group: String,
    handlers: Arc<Handlers>,
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").field("group", &self.group).finish_non_exhaustive()
    }
}

impl Replay {
    /// Replays what `consumer` gave up on. It knows the handlers that `consumer` has now.
    #[must_use]
    pub fn of(consumer: &Consumer) -> Self {
        Self {
            db: consumer.db().clone(),
            clock: consumer.clock().clone(),
            group: consumer.group().to_owned(),
            handlers: Arc::new(consumer.handlers().clone()),
        }
    }

    /// Applies the named dead letters of a tenant again, in the order of their events, each in
    /// its own transaction; all of them when `ids` is empty. What fails stays, with the new
    /// error. Replaying twice at once applies once.
    ///
    /// # Errors
    /// What the store says; letters applied before stay applied.
    pub async fn run(&self, tenant: &TenantId, ids: &[Uuid]) -> Result<Replayed> {
        let mut replayed = Replayed::default();
        for id in self.ids(tenant).await? {
            if !ids.is_empty() && !ids.contains(&id) {
                continue;
            }
            match self.apply(tenant, id).await? {
                Some(true) => replayed.applied += 1,
                Some(false) => replayed.failed += 1,
                None => {}
            }
        }
        Ok(replayed)
    }

    async fn ids(&self, tenant: &TenantId) -> Result<Vec<Uuid>> {
        let mut read = self.db.read().await?;
        // An event's id begins with the time at which it was published.
        let text = "select id from dead_letters where tenant = $1 and consumer = $2 order by id";
        let ids: Vec<(Uuid,)> = sql(text).bind(tenant).bind(&self.group).fetch_all(&mut read).await?;
        Ok(ids.into_iter().map(|(id,)| id).collect())
    }

    /// Whether the letter could be applied; `None` if somebody else just did.
    async fn apply(&self, tenant: &TenantId, id: Uuid) -> Result<Option<bool>> {
        let mut tx = self.db.begin().await?;
        let raw: Option<Raw> =
            sql("select consumer, id, type, source, shard, subject, time, traceparent, data,
                    error, attempts, fail_time
             from dead_letters where tenant = $1 and consumer = $2 and id = $3 {for_update}")
            .bind(tenant)
            .bind(&self.group)
            .bind(id)
            .fetch_optional(&mut tx)
            .await?;
        let Some(raw) = raw else {
            return Ok(None);
        };
        let event = raw.into_letter(tenant)?.envelope;
        let job = match self.handlers.job(&event) {
            Some(Ok(job)) => job,
            Some(Err(error)) => {
                drop(tx);
                return self.failed(&event, &error.to_string()).await;
            }
            None => {
                drop(tx);
                return self.failed(&event, "no handler for this type").await;
            }
        };
        let mut ctx = HandlerCtx { tx, envelope: event.clone(), clock: self.clock.clone() };
        if let Err(error) = run_handler(job.run(&mut ctx), &event).await {
            tracing::warn!(event = %event.id, error = %error.chain(), "dead letter failed again");
            drop(ctx);
            return self.failed(&event, &error.chain()).await;
        }
        let mut tx = ctx.tx;
        sql("delete from dead_letters where tenant = $1 and consumer = $2 and id = $3")
            .bind(tenant)
            .bind(&self.group)
            .bind(id)
            .execute(&mut tx)
            .await?;
        inbox::count_applied_in_tx(&mut tx, &[&event]).await?;
        tx.commit().await?;
        Ok(Some(true))
    }

    async fn failed(&self, event: &Envelope, error: &str) -> Result<Option<bool>> {
        let mut tx = self.db.begin().await?;
        // of a letter that an erasure emptied meanwhile, the error may quote what is gone
        sql("update dead_letters set attempts = attempts + 1, fail_time = $5,
                error = case when data = $6 then $4 else error end
             where tenant = $1 and consumer = $2 and id = $3")
        .bind(&event.tenant)
        .bind(&self.group)
        .bind(event.id)
        .bind(inbox::without_nul(error.to_owned()))
        .bind(self.clock.now())
        .bind(&event.data[..])
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(Some(false))
    }
}
