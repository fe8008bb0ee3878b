//! The definitions of segments and journeys, and how far looking at all accounts is.

use salient_core::TenantId;
use salient_store::{Connection, Engine, Result, Rows, Tx, sql};
use uuid::Uuid;

/// Wakes those who look at accounts.
pub const SIGNAL: &str = super::dirty::SIGNAL;

/// Everybody was looked at.
pub const CURRENT: i64 = 1;
/// Everybody has to be.
pub const WAITING: i64 = 2;
/// Everybody is being.
pub const RUNNING: i64 = 3;

/// A segment as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The message without what the server adds.
    pub body: Vec<u8>,
    /// [`CURRENT`], [`WAITING`] or [`RUNNING`].
    pub state: i64,
    /// Whether it was deleted, and members have still to leave.
    pub removed: bool,
    /// Whether it speaks of the stage.
    pub staged: bool,
    /// Its members.
    pub members: i64,
    /// Accounts on which it failed.
    pub failures: i64,
    /// How.
    pub failure: String,
    /// When everybody was last looked at.
    pub evaluate_time: Option<i64>,
    /// When it was created.
    pub create_time: i64,
    /// When it changed.
    pub update_time: i64,
}

/// Every segment of the tenant, those that were deleted included, by id.
///
/// # Errors
/// What the store says.
pub async fn all(conn: &mut impl Connection, tenant: &TenantId) -> Result<Vec<Row>> {
    sql("select * from segments where tenant = $1 order by id").bind(tenant).fetch_all(conn).await
}

/// Segments after the id `after`, by id.
///
/// # Errors
/// What the store says.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    archetypes_only: bool,
    after: &str,
    limit: i64,
) -> Result<Vec<Row>> {
    sql("select * from segments
         where tenant = $1 and id > $2 and not removed and (archetype or not $3) order by id limit $4")
    .bind(tenant)
    .bind(after)
    .bind(archetypes_only)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// One segment.
///
/// # Errors
/// What the store says.
pub async fn get(conn: &mut impl Connection, tenant: &TenantId, id: &str) -> Result<Option<Row>> {
    sql("select * from segments where tenant = $1 and id = $2 and not removed")
        .bind(tenant)
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// A segment to store.
#[derive(Clone, Debug)]
pub struct Write<'w> {
    /// Its id.
    pub id: &'w str,
    /// Whether it is an archetype.
    pub archetype: bool,
    /// The message without what the server adds.
    pub body: Vec<u8>,
    /// Whether time alone changes its answer.
    pub timed: bool,
    /// Whether it speaks of the stage.
    pub staged: bool,
    /// Whether everybody has to be looked at.
    pub waits: bool,
}

/// Creates or replaces a segment. `now` is in microseconds.
///
/// # Errors
/// What the store says.
pub async fn write_in_tx(tx: &mut Tx, tenant: &TenantId, write: Write<'_>, now: i64) -> Result<()> {
    sql(
        "insert into segments (tenant, id, archetype, body, timed, staged, removed, state, members, failures,
                               failure, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, 2, 0, 0, '', $8, $8)
         on conflict (tenant, id) do update set archetype = excluded.archetype, body = excluded.body,
             timed = excluded.timed, staged = excluded.staged, removed = excluded.removed,
             state = case when $9 then 2 else segments.state end,
             create_time = case when segments.removed then excluded.create_time else segments.create_time end,
             update_time = excluded.update_time",
    )
    .bind(tenant)
    .bind(write.id)
    .bind(write.archetype)
    .bind(write.body)
    .bind(write.timed)
    .bind(write.staged)
    .bind(false)
    .bind(now)
    .bind(write.waits)
    .execute(tx)
    .await?;
    begin_in_tx(tx, tenant, 0).await
}

/// Lets everybody leave a segment. False if there is none.
///
/// # Errors
/// What the store says.
pub async fn remove_in_tx(tx: &mut Tx, tenant: &TenantId, id: &str) -> Result<bool> {
    let removed = sql("update segments set removed = $3, state = 2
         where tenant = $1 and id = $2 and not removed")
    .bind(tenant)
    .bind(id)
    .bind(true)
    .execute(tx)
    .await?;
    tx.wake(SIGNAL);
    Ok(removed == 1)
}

/// What a look at some accounts adds to the numbers of a segment.
#[derive(Clone, Debug)]
pub struct Tally<'t> {
    /// The segment.
    pub id: &'t str,
    /// Members more, or less.
    pub members: i64,
    /// Accounts on which it failed.
    pub failures: i64,
    /// How, on one of them.
    pub failure: &'t str,
}

/// Adds to the numbers of segments.
///
/// # Errors
/// What the store says.
pub async fn tally_in_tx(tx: &mut Tx, tenant: &TenantId, tallies: &[Tally<'_>]) -> Result<()> {
    sql("update segments set members = members + rows.more, failures = failures + rows.failed,
             failure = case when rows.how = '' then failure else rows.how end
         from {rows} where segments.tenant = $1 and segments.id = rows.segment")
    .bind(tenant)
    .rows(
        Rows::new()
            .text("segment", tallies.iter().map(|tally| tally.id))
            .int("more", tallies.iter().map(|tally| tally.members))
            .int("failed", tallies.iter().map(|tally| tally.failures))
            .text("how", tallies.iter().map(|tally| tally.failure)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Where looking at the accounts of a tenant stands.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Evaluation {
    /// Whose.
    pub tenant: String,
    /// The journey's own stages, if it has some.
    pub rules: Option<Vec<u8>>,
    /// When they changed.
    pub rules_time: Option<i64>,
    /// The state of the journey, as of a segment.
    pub journey: i64,
    /// The day of the last look at the calendar.
    pub today: i64,
    /// How far a pass has come; none while there is none.
    pub after: Option<Uuid>,
    /// Accounts that it looked at.
    pub done: i64,
    /// Accounts that it has to look at, about.
    pub total: i64,
}

/// Tenants with something to do: a pass that runs or has to begin, or a new day.
///
/// # Errors
/// What the store says.
pub async fn busy(conn: &mut impl Connection, today: i32) -> Result<Vec<Evaluation>> {
    sql("select * from evaluations e
         where today <> $1 or after is not null or journey <> 1
            or exists (select 1 from segments s where s.tenant = e.tenant and s.state <> 1)
         order by tenant")
    .bind(today)
    .fetch_all(conn)
    .await
}

/// Where a tenant stands.
///
/// # Errors
/// What the store says.
pub async fn evaluation(conn: &mut impl Connection, tenant: &TenantId) -> Result<Option<Evaluation>> {
    sql("select * from evaluations where tenant = $1").bind(tenant).fetch_optional(conn).await
}

/// Makes sure that the tenant is known to those who look at accounts.
///
/// # Errors
/// What the store says.
pub async fn begin_in_tx(tx: &mut Tx, tenant: &TenantId, today: i32) -> Result<()> {
    sql("insert into evaluations (tenant, journey, today, done, total) values ($1, 1, $2, 0, 0)
         on conflict (tenant) do nothing")
    .bind(tenant)
    .bind(today)
    .execute(tx)
    .await?;
    tx.wake(SIGNAL);
    Ok(())
}

/// Replaces the stages of the journey; none means the shipped ones. Everybody has to be looked at
/// for them, and for the segments that speak of the stage.
///
/// # Errors
/// What the store says.
pub async fn write_rules_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    rules: Option<Vec<u8>>,
    now: i64,
) -> Result<()> {
    begin_in_tx(tx, tenant, 0).await?;
    sql("update evaluations set rules = $2, rules_time = $3, journey = 2 where tenant = $1")
        .bind(tenant)
        .bind(rules)
        .bind(now)
        .execute(tx)
        .await?;
    sql("update segments set state = 2 where tenant = $1 and staged").bind(tenant).execute(tx).await?;
    Ok(())
}

/// Waits until nobody else stores what a look at accounts found. Who does it afterwards sees it.
///
/// Numbers of changes are given out under this lock, so they ascend with commits.
///
/// # Errors
/// What the store says.
pub async fn take_turn_in_tx(tx: &mut Tx) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        sql("select pg_advisory_xact_lock(hashtextextended('profile.membership', 0))").execute(tx).await?;
    }
    Ok(())
}

/// Notes a new day: what depends on time has to be looked at again.
///
/// # Errors
/// What the store says.
pub async fn turn_day_in_tx(tx: &mut Tx, tenant: &TenantId, today: i32, journey: bool) -> Result<()> {
    sql(
        "update evaluations set today = $2, journey = case when $3 then 2 else journey end where tenant = $1",
    )
    .bind(tenant)
    .bind(today)
    .bind(journey)
    .execute(tx)
    .await?;
    sql("update segments set state = 2 where tenant = $1 and (timed or (staged and $2))")
        .bind(tenant)
        .bind(journey)
        .execute(tx)
        .await?;
    Ok(())
}

/// Begins a pass for everything that waits for one.
///
/// # Errors
/// What the store says.
pub async fn start_pass_in_tx(tx: &mut Tx, tenant: &TenantId, total: i64) -> Result<()> {
    sql("update evaluations set after = $2, done = 0, total = $3,
             journey = case when journey = 2 then 3 else journey end
         where tenant = $1")
    .bind(tenant)
    .bind(Uuid::nil())
    .bind(total)
    .execute(tx)
    .await?;
    sql("update segments set state = 3, failures = 0, failure = '' where tenant = $1 and state = 2")
        .bind(tenant)
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes how far a pass has come. False if it was not where it was thought to be.
///
/// # Errors
/// What the store says.
pub async fn advance_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    from: Uuid,
    to: Option<Uuid>,
    more: usize,
) -> Result<bool> {
    let advanced =
        sql("update evaluations set after = $3, done = done + $4 where tenant = $1 and after = $2")
            .bind(tenant)
            .bind(from)
            .bind(to)
            .bind(i64::try_from(more).unwrap_or(i64::MAX))
            .execute(tx)
            .await?;
    Ok(advanced == 1)
}

/// Ends a pass: what was looked at is current, and what was deleted is gone.
///
/// # Errors
/// What the store says.
pub async fn end_pass_in_tx(tx: &mut Tx, tenant: &TenantId, now: i64) -> Result<()> {
    for text in [
        "update evaluations set journey = 1 where tenant = $1 and journey = 3",
        "delete from segments where tenant = $1 and state = 3 and removed",
    ] {
        sql(text).bind(tenant).execute(tx).await?;
    }
    sql("update segments set state = 1, evaluate_time = $2 where tenant = $1 and state = 3")
        .bind(tenant)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}
