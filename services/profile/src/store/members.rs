//! Who is in which segment, who entered and left, and who went from stage to stage.

use salient_core::TenantId;
use salient_store::{Connection, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::membership::{Change, Transition};

/// Wakes those who watch.
pub const SIGNAL: &str = "profile.membership";

/// The members of these segments among accounts after one and up to another: segment, account.
///
/// # Errors
/// What the store says.
pub async fn between<'s>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    segments: impl IntoIterator<Item = &'s str>,
    after: Uuid,
    last: Uuid,
) -> Result<Vec<(String, Uuid)>> {
    sql("select m.segment, m.account_id
         from {rows} join segment_members m on m.tenant = $1 and m.segment = rows.segment
         where m.account_id > $2 and m.account_id <= $3")
    .bind(tenant)
    .bind(after)
    .bind(last)
    .rows(Rows::new().text("segment", segments))
    .fetch_all(conn)
    .await
}

/// The segments that these accounts are in: segment, account.
///
/// # Errors
/// What the store says.
pub async fn of_accounts(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
) -> Result<Vec<(String, Uuid)>> {
    sql("select m.segment, m.account_id from {rows} join segment_members m on m.account_id = rows.id
         where m.tenant = $1")
    .bind(tenant)
    .rows(Rows::new().uuid("id", accounts.iter().copied()))
    .fetch_all(conn)
    .await
}

/// Lets accounts in and out, and keeps that it happened.
///
/// # Errors
/// What the store says.
pub async fn change_in_tx(tx: &mut Tx, tenant: &TenantId, changes: &[Change], now: i64) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let rows = |entered: bool| {
        let some = || changes.iter().filter(move |change| change.entered == entered);
        Rows::new()
            .text("segment", some().map(|change| change.segment.as_str()))
            .uuid("account_id", some().map(|change| change.account))
    };
    sql("insert into segment_members (tenant, segment, account_id, enter_time)
         select $1, segment, account_id, $2 from {rows} where true on conflict do nothing")
    .bind(tenant)
    .bind(now)
    .rows(rows(true))
    .execute(tx)
    .await?;
    sql("delete from segment_members
         where tenant = $1 and (segment, account_id) in (select segment, account_id from {rows})")
    .bind(tenant)
    .rows(rows(false))
    .execute(tx)
    .await?;
    sql("insert into segment_changes (tenant, segment, account_id, entered, time)
         select $1, segment, account_id, entered, $2 from {rows}")
    .bind(tenant)
    .bind(now)
    .rows(
        Rows::new()
            .text("segment", changes.iter().map(|change| change.segment.as_str()))
            .uuid("account_id", changes.iter().map(|change| change.account))
            .bool("entered", changes.iter().map(|change| change.entered)),
    )
    .execute(tx)
    .await?;
    tx.wake(SIGNAL);
    Ok(())
}

/// Moves accounts to another stage, and keeps that it happened.
///
/// # Errors
/// What the store says.
pub async fn move_in_tx(tx: &mut Tx, tenant: &TenantId, moves: &[Transition], now: i64) -> Result<()> {
    if moves.is_empty() {
        return Ok(());
    }
    let rows = || {
        Rows::new()
            .uuid("id", moves.iter().map(|step| step.account))
            .text("from_stage", moves.iter().map(|step| step.from.as_str()))
            .text("to_stage", moves.iter().map(|step| step.to.as_str()))
    };
    for text in [
        "update account_facts set stage = rows.to_stage, stage_time = $2 from {rows}
         where account_facts.tenant = $1 and account_facts.account_id = rows.id",
        "insert into journey_transitions (tenant, account_id, from_stage, to_stage, time)
         select $1, id, from_stage, to_stage, $2 from {rows}",
    ] {
        sql(text).bind(tenant).bind(now).rows(rows()).execute(tx).await?;
    }
    tx.wake(SIGNAL);
    Ok(())
}

/// A member of a segment, and since when (microseconds).
pub type Member = (Uuid, i64);

/// Members after the account `after`.
///
/// # Errors
/// What the store says.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    segment: &str,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Member>> {
    sql("select account_id, enter_time from segment_members
         where tenant = $1 and segment = $2 and account_id > $3 order by account_id limit $4")
    .bind(tenant)
    .bind(segment)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// The segments after `after` that an account is in: their contents, and since when.
///
/// # Errors
/// What the store says.
pub async fn segments_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    account: Uuid,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Vec<u8>, i64)>> {
    sql("select s.id, s.body, m.enter_time
         from segment_members m join segments s on s.tenant = m.tenant and s.id = m.segment
         where m.tenant = $1 and m.account_id = $2 and s.id > $3 and not s.removed
         order by s.id limit $4")
    .bind(tenant)
    .bind(account)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Something that was kept.
#[derive(Clone, Debug)]
pub struct Kept<T> {
    /// Its number. Numbers ascend with commits: one writer at a time makes them.
    pub seq: i64,
    /// When it was found, in microseconds.
    pub time: i64,
    /// What.
    pub what: T,
}

#[derive(sqlx::FromRow)]
struct ChangeRow {
    seq: i64,
    segment: String,
    account_id: Uuid,
    entered: bool,
    time: i64,
}

#[derive(sqlx::FromRow)]
struct StepRow {
    seq: i64,
    account_id: Uuid,
    from_stage: String,
    to_stage: String,
    time: i64,
}

impl From<ChangeRow> for Kept<Change> {
    fn from(row: ChangeRow) -> Self {
        let what = Change { segment: row.segment, account: row.account_id, entered: row.entered };
        Self { seq: row.seq, time: row.time, what }
    }
}

impl From<StepRow> for Kept<Transition> {
    fn from(row: StepRow) -> Self {
        let what = Transition { account: row.account_id, from: row.from_stage, to: row.to_stage };
        Self { seq: row.seq, time: row.time, what }
    }
}

/// Changes after the number `after`, of one segment, or of all if `segment` is empty.
///
/// # Errors
/// What the store says.
pub async fn changes_after(
    conn: &mut impl Connection,
    tenant: &TenantId,
    segment: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<Kept<Change>>> {
    let rows: Vec<ChangeRow> = sql("select seq, segment, account_id, entered, time from segment_changes
         where tenant = $1 and seq > $2 and ($3 = '' or segment = $3) order by seq limit $4")
    .bind(tenant)
    .bind(after)
    .bind(segment)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Kept::from).collect())
}

/// Steps after the number `after`.
///
/// # Errors
/// What the store says.
pub async fn steps_after(
    conn: &mut impl Connection,
    tenant: &TenantId,
    after: i64,
    limit: i64,
) -> Result<Vec<Kept<Transition>>> {
    let rows: Vec<StepRow> =
        sql("select seq, account_id, from_stage, to_stage, time from journey_transitions
         where tenant = $1 and seq > $2 order by seq limit $3")
        .bind(tenant)
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Kept::from).collect())
}

/// Steps of an account before the number `before`, newest first.
///
/// # Errors
/// What the store says.
pub async fn steps_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    account: Uuid,
    before: i64,
    limit: i64,
) -> Result<Vec<Kept<Transition>>> {
    let rows: Vec<StepRow> =
        sql("select seq, account_id, from_stage, to_stage, time from journey_transitions
         where tenant = $1 and account_id = $2 and seq < $3 order by seq desc limit $4")
        .bind(tenant)
        .bind(account)
        .bind(before)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Kept::from).collect())
}

/// The number of the last change and of the last step of the tenant; 0 before the first.
///
/// # Errors
/// What the store says.
pub async fn last(conn: &mut impl Connection, tenant: &TenantId) -> Result<(i64, i64)> {
    sql("select coalesce((select max(seq) from segment_changes where tenant = $1), 0),
                coalesce((select max(seq) from journey_transitions where tenant = $1), 0)")
    .bind(tenant)
    .fetch_one(conn)
    .await
}

/// Forgets changes before `before` (microseconds), at most `limit`; says how many.
///
/// # Errors
/// What the store says.
pub async fn prune_in_tx(tx: &mut Tx, before: i64, limit: u32) -> Result<u64> {
    sql("delete from segment_changes where seq in (
             select seq from (select seq, time from segment_changes order by seq limit $2) oldest
             where time < $1)")
    .bind(before)
    .bind(limit)
    .execute(tx)
    .await
}
