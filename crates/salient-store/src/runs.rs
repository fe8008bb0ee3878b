//! Work that takes longer than a call, kept in the database until it is done.
//!
//! A run is enqueued in the transaction that accepts it, claimed by a
//! [`Worker`](crate::Worker) of any replica, and leased: while it works, the worker renews the
//! lease; when it dies, the lease passes and another worker starts the run again from its
//! start. Work must therefore be safe to repeat. Who claimed a run is told by its number of
//! attempts: a worker that lost its lease cannot finish a run that another has claimed since.

use chrono::{DateTime, TimeDelta, Utc};
use prost::Message;
use salient_core::{Clock, Error, Reason, Result, TenantId, from_micros, to_micros};
use uuid::Uuid;

use crate::{
    conn::{Connection, Tx},
    db::Db,
    error::Error as StoreError,
    rows::Rows,
    sql::sql,
};

/// The signal that is sent when a run is enqueued.
pub const SIGNAL: &str = "runs";
/// How long a worker holds a run without a sign of life.
pub const LEASE: TimeDelta = TimeDelta::seconds(15);
/// How often a run is tried before it has failed.
pub const MAX_ATTEMPTS: i64 = 5;

/// Where a run stands; the numbers of `salient.common.v1.RunStatus.State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Waits for a worker.
    Queued = 1,
    /// A worker has it.
    Running = 2,
    /// Done; the result is complete.
    Succeeded = 3,
    /// Ended without a result.
    Failed = 4,
}

/// One piece of long work.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id; the caller's typed id wraps it.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: TenantId,
    /// What kind of work; a worker has one handler per kind.
    pub kind: String,
    /// The id under which it was asked for.
    pub request_id: String,
    /// What was asked for, encoded.
    pub request: Vec<u8>,
    /// Where it stands.
    pub state: RunState,
    /// Share of the work that is done, 0 to 1.
    pub progress: f64,
    /// What is being done now, in a few words.
    pub step: String,
    /// Why it failed; empty otherwise. A value of [`Reason`].
    pub reason: String,
    /// Why it failed, in words; empty otherwise.
    pub error: String,
    /// What came out, encoded, when it succeeded.
    pub result: Option<Vec<u8>>,
    /// When it was asked for, by the service's clock.
    pub create_time: DateTime<Utc>,
    /// When it ended, by the service's clock.
    pub end_time: Option<DateTime<Utc>>,
    /// How often it was begun.
    pub attempts: i64,
}

/// What [`enqueue_in_tx`] takes.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    /// A fresh id.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: &'a TenantId,
    /// What kind of work.
    pub kind: &'a str,
    /// The caller's request id; the same one gets the same run.
    pub request_id: &'a str,
    /// What is asked for, encoded.
    pub request: Vec<u8>,
    /// Now, by the service's clock.
    pub now: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct RunRow {
    tenant: String,
    id: Uuid,
    kind: String,
    request_id: String,
    request: Vec<u8>,
    state: i64,
    progress: f64,
    step: String,
    reason: String,
    error: String,
    result: Option<Vec<u8>>,
    create_time: i64,
    end_time: Option<i64>,
    attempts: i64,
}

impl TryFrom<RunRow> for Run {
    type Error = StoreError;

    fn try_from(row: RunRow) -> Result<Self, StoreError> {
        let wrong = |column, detail: String| StoreError::inconsistent("runs", column, row.id, detail);
        let state = match row.state {
            1 => RunState::Queued,
            2 => RunState::Running,
            3 => RunState::Succeeded,
            4 => RunState::Failed,
            other => return Err(wrong("state", format!("{other} is no state"))),
        };
        let tenant =
            TenantId::try_from(row.tenant.as_str()).map_err(|error| wrong("tenant", error.to_string()))?;
        Ok(Self {
            id: row.id,
            tenant,
            kind: row.kind,
            request_id: row.request_id,
            request: row.request,
            state,
            progress: row.progress,
            step: row.step,
            reason: row.reason,
            error: row.error,
            result: row.result,
            create_time: from_micros(row.create_time),
            end_time: row.end_time.map(from_micros),
            attempts: row.attempts,
        })
    }
}

impl Run {
    /// Reads what was asked for.
    pub fn decode<M: Message + Default>(&self) -> Result<M> {
        M::decode(self.request.as_slice()).map_err(Error::internal)
    }
}

/// Asks for a run. The same tenant, kind and request id get the run that is there already;
/// the worker is woken when `tx` has committed.
///
/// # Errors
/// [`Reason::RequestIdReused`] if the request id was used with another request.
pub async fn enqueue_in_tx(tx: &mut Tx, run: NewRun<'_>) -> Result<Run> {
    sql("insert into runs (tenant, id, kind, request_id, request, state, progress, step, reason, error,
                           create_time, lease_until, attempts)
         values ($1, $2, $3, $4, $5, 1, 0, '', '', '', $6, 0, 0)
         on conflict (tenant, kind, request_id) do nothing")
    .bind(run.tenant)
    .bind(run.id)
    .bind(run.kind)
    .bind(run.request_id)
    .bind(run.request.as_slice())
    .bind(run.now)
    .execute(tx)
    .await?;
    let row: RunRow = sql("select * from runs where tenant = $1 and kind = $2 and request_id = $3")
        .bind(run.tenant)
        .bind(run.kind)
        .bind(run.request_id)
        .fetch_one(tx)
        .await?;
    let stored = Run::try_from(row)?;
    if stored.request != run.request {
        return Err(Error::new(
            Reason::RequestIdReused,
            format!(
                "request_id {} was used before with another body; a new UUID is accepted",
                run.request_id
            ),
        )
        .with_violation("request_id", "used before with another body"));
    }
    tx.wake(SIGNAL);
    Ok(stored)
}

/// Looks a run up.
pub async fn get(db: &Db, tenant: &TenantId, kind: &str, id: Uuid) -> Result<Option<Run>> {
    get_in(&mut db.read().await?, tenant, kind, id).await
}

/// Looks a run up on a connection that is open already.
pub async fn get_in(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: &str,
    id: Uuid,
) -> Result<Option<Run>> {
    let row: Option<RunRow> = sql("select * from runs where tenant = $1 and id = $2 and kind = $3")
        .bind(tenant)
        .bind(id)
        .bind(kind)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Run::try_from).transpose()?)
}

/// Takes the oldest run of one of these kinds that nobody works on, and leases it.
pub async fn claim(db: &Db, kinds: &[&str], lease: TimeDelta) -> Result<Option<Run>> {
    // A look on a reader first: an idle worker must not take SQLite's writer every second.
    let now = Clock::system().now();
    let waiting: Option<(i64,)> = sql("select state from runs where state < 3 and lease_until <= $1 and kind in (select kind from {rows}) limit 1")
        .bind(now)
        .rows(Rows::new().text("kind", kinds.iter().copied()))
        .fetch_optional(&mut db.read().await?)
        .await?;
    if waiting.is_none() {
        return Ok(None);
    }
    let mut tx = db.begin().await?;
    let row: Option<RunRow> = sql("update runs set state = 2, attempts = attempts + 1, lease_until = $2
         where (tenant, id) = (
             select tenant, id from runs
             where state < 3 and lease_until <= $1 and kind in (select kind from {rows})
             order by create_time, id limit 1 {skip_locked})
         returning *")
    .bind(now)
    .bind(now + lease)
    .rows(Rows::new().text("kind", kinds.iter().copied()))
    .fetch_optional(&mut tx)
    .await?;
    let run = row.map(Run::try_from).transpose()?;
    tx.commit().await?;
    Ok(run)
}

/// Says how far a claimed run is, and renews its lease. False if the lease was lost.
pub async fn progress(db: &Db, run: &Run, share: f64, step: &str, lease: TimeDelta) -> Result<bool> {
    let mut tx = db.begin().await?;
    let kept = sql("update runs set progress = $4, step = $5, lease_until = $6
         where tenant = $1 and id = $2 and attempts = $3 and state = 2")
    .bind(&run.tenant)
    .bind(run.id)
    .bind(run.attempts)
    .bind(share.clamp(0.0, 1.0))
    .bind(step)
    .bind(Clock::system().now() + lease)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(kept == 1)
}

/// Ends a claimed run with its result. False if the lease was lost, or it has ended.
///
/// A handler that writes its effects in one transaction may call this in it, so that effects
/// and end are one commit.
pub async fn finish_in_tx(tx: &mut Tx, run: &Run, result: &[u8], now: DateTime<Utc>) -> Result<bool> {
    let ended = sql("update runs set state = 3, progress = 1, step = '', result = $4, end_time = $5
         where tenant = $1 and id = $2 and attempts = $3 and state = 2")
    .bind(&run.tenant)
    .bind(run.id)
    .bind(run.attempts)
    .bind(result)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(ended == 1)
}

/// Ends a claimed run without a result. False if the lease was lost, or it has ended.
pub async fn fail_in_tx(
    tx: &mut Tx,
    run: &Run,
    reason: Reason,
    error: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let ended = sql("update runs set state = 4, reason = $4, error = $5, end_time = $6
         where tenant = $1 and id = $2 and attempts = $3 and state = 2")
    .bind(&run.tenant)
    .bind(run.id)
    .bind(run.attempts)
    .bind(reason.as_str())
    .bind(error)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(ended == 1)
}

/// Gives a claimed run back, to be claimed again after `pause`; an interrupted attempt does
/// not count.
pub(crate) async fn release_in_tx(tx: &mut Tx, run: &Run, pause: TimeDelta, counts: bool) -> Result<()> {
    sql("update runs set state = 1, attempts = $4, lease_until = $5
         where tenant = $1 and id = $2 and attempts = $3 and state = 2")
    .bind(&run.tenant)
    .bind(run.id)
    .bind(run.attempts)
    .bind(run.attempts - i64::from(!counts))
    .bind(to_micros(Clock::system().now() + pause))
    .execute(tx)
    .await?;
    tx.wake(SIGNAL);
    Ok(())
}

/// Frees the runs that a process before this one had in hand. Only on SQLite, where one
/// process owns the file, so that nobody else can be working on them.
pub(crate) async fn reclaim_in_tx(tx: &mut Tx, in_hand: Vec<Uuid>) -> Result<()> {
    let mut abandoned: Vec<(String, Uuid)> =
        sql("select tenant, id from runs where state = 2").fetch_all(tx).await?;
    abandoned.retain(|(_, id)| !in_hand.contains(id));
    let (tenants, ids): (Vec<String>, Vec<Uuid>) = abandoned.into_iter().unzip();
    sql(
        "update runs set lease_until = 0 where state = 2 and (tenant, id) in (select tenant, id from {rows})",
    )
    .rows(Rows::new().text("tenant", tenants).uuid("id", ids))
    .execute(tx)
    .await?;
    Ok(())
}
