//! Files that are taken in, their pieces, and their refused lines.

use prost::Message as _;
use salient_core::TenantId;
use salient_proto::profile::v1::{ImportHeader, Transfer, TransferProblem};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

/// A transfer as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id, which is that of its run.
    pub id: Uuid,
    /// What was declared.
    pub header: ImportHeader,
    /// Bytes that are there.
    pub received: i64,
    /// Whether the file is there to its end.
    pub complete: bool,
    /// Batches of the reading that are committed.
    pub batches: i64,
    /// What became of the lines.
    pub counts: Transfer,
    /// The latest date that a record may carry, in microseconds.
    pub latest: i64,
    /// When it was begun, in microseconds.
    pub create_time: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    header: Vec<u8>,
    received: i64,
    complete: bool,
    batches: i64,
    body: Vec<u8>,
    latest: i64,
    create_time: i64,
}

impl TryFrom<Row> for Stored {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let wrong =
            |column, error: prost::DecodeError| Error::inconsistent("transfers", column, row.id, error);
        Ok(Self {
            id: row.id,
            header: ImportHeader::decode(row.header.as_slice()).map_err(|error| wrong("header", error))?,
            received: row.received,
            complete: row.complete,
            batches: row.batches,
            counts: Transfer::decode(row.body.as_slice()).map_err(|error| wrong("body", error))?,
            latest: row.latest,
            create_time: row.create_time,
        })
    }
}

/// Keeps a new transfer; one with the same request id stays as it is. Gives what is there then.
///
/// # Errors
/// What the store says.
pub async fn begin_in_tx(tx: &mut Tx, tenant: &TenantId, new: &Stored) -> Result<Stored> {
    sql("insert into transfers (tenant, id, request_id, header, received, complete, batches, body, latest,
                                create_time)
         values ($1, $2, $3, $4, 0, false, 0, $5, $6, $7)
         on conflict (tenant, request_id) do nothing")
    .bind(tenant)
    .bind(new.id)
    .bind(new.header.request_id.as_str())
    .bind(new.header.encode_to_vec())
    .bind(new.counts.encode_to_vec())
    .bind(new.latest)
    .bind(new.create_time)
    .execute(tx)
    .await?;
    let row: Row = sql("select id, header, received, complete, batches, body, latest, create_time
         from transfers where tenant = $1 and request_id = $2")
    .bind(tenant)
    .bind(new.header.request_id.as_str())
    .fetch_one(tx)
    .await?;
    row.try_into()
}

/// One transfer.
///
/// # Errors
/// What the store says, or a row that is none.
pub async fn get(conn: &mut impl Connection, tenant: &TenantId, id: Uuid) -> Result<Option<Stored>> {
    let row: Option<Row> = sql("select id, header, received, complete, batches, body, latest, create_time
         from transfers where tenant = $1 and id = $2")
    .bind(tenant)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(Stored::try_from).transpose()
}

/// Transfers before the id `before`, the newest first.
///
/// # Errors
/// What the store says, or a row that is none.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Stored>> {
    let rows: Vec<Row> = sql("select id, header, received, complete, batches, body, latest, create_time
         from transfers where tenant = $1 and id < $2 order by id desc limit $3")
    .bind(tenant)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// Adds a piece that begins at `start`. False if the file does not end there any more.
///
/// # Errors
/// What the store says.
pub async fn append_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    id: Uuid,
    start: i64,
    data: &[u8],
    last: bool,
) -> Result<bool> {
    let size = i64::try_from(data.len()).unwrap_or(i64::MAX);
    let added = sql("update transfers set received = received + $4, complete = $5
         where tenant = $1 and id = $2 and received = $3 and not complete")
    .bind(tenant)
    .bind(id)
    .bind(start)
    .bind(size)
    .bind(last)
    .execute(tx)
    .await?;
    if added == 1 && !data.is_empty() {
        sql("insert into transfer_chunks (tenant, transfer, start, data) values ($1, $2, $3, $4)")
            .bind(tenant)
            .bind(id)
            .bind(start)
            .bind(data)
            .execute(tx)
            .await?;
    }
    Ok(added == 1)
}

/// The piece that begins at `start`.
///
/// # Errors
/// What the store says.
pub async fn chunk(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: Uuid,
    start: i64,
) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> =
        sql("select data from transfer_chunks where tenant = $1 and transfer = $2 and start = $3")
            .bind(tenant)
            .bind(id)
            .bind(start)
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|(data,)| data))
}

/// Says what became of the lines up to batch `number`. False if another worker was faster.
///
/// # Errors
/// What the store says.
pub async fn advance_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    id: Uuid,
    number: i64,
    counts: &Transfer,
) -> Result<bool> {
    let advanced = sql("update transfers set batches = $3 + 1, body = $4
         where tenant = $1 and id = $2 and batches = $3")
    .bind(tenant)
    .bind(id)
    .bind(number)
    .bind(counts.encode_to_vec())
    .execute(tx)
    .await?;
    Ok(advanced == 1)
}

/// Says what became of all lines.
///
/// # Errors
/// What the store says.
pub async fn conclude_in_tx(tx: &mut Tx, tenant: &TenantId, id: Uuid, counts: &Transfer) -> Result<()> {
    sql("update transfers set body = $3 where tenant = $1 and id = $2")
        .bind(tenant)
        .bind(id)
        .bind(counts.encode_to_vec())
        .execute(tx)
        .await?;
    drop_chunks_in_tx(tx, tenant, id).await
}

/// Forgets what became of the lines: the reading begins anew.
///
/// # Errors
/// What the store says.
pub async fn restart_in_tx(tx: &mut Tx, tenant: &TenantId, id: Uuid) -> Result<()> {
    sql("update transfers set batches = 0, body = $3 where tenant = $1 and id = $2")
        .bind(tenant)
        .bind(id)
        .bind(Transfer::default().encode_to_vec())
        .execute(tx)
        .await?;
    sql("delete from transfer_problems where tenant = $1 and transfer = $2")
        .bind(tenant)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets the file.
///
/// # Errors
/// What the store says.
pub async fn drop_chunks_in_tx(tx: &mut Tx, tenant: &TenantId, id: Uuid) -> Result<()> {
    sql("delete from transfer_chunks where tenant = $1 and transfer = $2")
        .bind(tenant)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets a transfer whose file is refused as a whole after `received` bytes. False if it is not
/// there any more, or another stream went on with it.
///
/// # Errors
/// What the store says.
pub async fn remove_in_tx(tx: &mut Tx, tenant: &TenantId, id: Uuid, received: i64) -> Result<bool> {
    let removed =
        sql("delete from transfers where tenant = $1 and id = $2 and received = $3 and not complete")
            .bind(tenant)
            .bind(id)
            .bind(received)
            .execute(tx)
            .await?;
    if removed == 1 {
        drop_chunks_in_tx(tx, tenant, id).await?;
    }
    Ok(removed == 1)
}

/// Forgets files that are not there to their end, with the pieces that are: what stands in them was not
/// looked at, and nobody reads it. Says how many files.
///
/// # Errors
/// What the store says.
pub async fn remove_unfinished_in_tx(tx: &mut Tx, tenant: &TenantId) -> Result<u64> {
    let deleted = sql("delete from transfers where tenant = $1 and not complete").bind(tenant);
    let deleted = deleted.execute(tx).await?;
    sql("delete from transfer_chunks
         where tenant = $1 and transfer not in (select id from transfers where tenant = $1)")
    .bind(tenant)
    .execute(tx)
    .await?;
    Ok(deleted)
}

/// Keeps refused lines of batch `number`.
///
/// # Errors
/// What the store says.
pub async fn add_problems_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    id: Uuid,
    number: i64,
    problems: &[TransferProblem],
) -> Result<()> {
    sql("insert into transfer_problems (tenant, transfer, line, batch, place, field, shape, reason, problem, accepted)
         select $1, $2, line, $3, place, field, shape, reason, problem, accepted from {rows}")
    .bind(tenant)
    .bind(id)
    .bind(number)
    .rows(
        Rows::new()
            .int("line", problems.iter().map(|problem| problem.line))
            .int("place", (0_i64..).take(problems.len()))
            .text("field", problems.iter().map(|problem| problem.column.as_str()))
            .text("shape", problems.iter().map(|problem| problem.shape.as_str()))
            .text("reason", problems.iter().map(|problem| problem.reason.as_str()))
            .text("problem", problems.iter().map(|problem| problem.problem.as_str()))
            .text("accepted", problems.iter().map(|problem| problem.accepted.as_str())),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Where a refused line stands in the report: line, batch, place.
pub type Place = (i64, i64, i64);

#[derive(sqlx::FromRow)]
struct ProblemRow {
    line: i64,
    batch: i64,
    place: i64,
    field: String,
    shape: String,
    reason: String,
    problem: String,
    accepted: String,
}

/// Refused lines after `after`, in the order of the file.
///
/// # Errors
/// What the store says.
pub async fn problems(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: Uuid,
    after: Place,
    limit: i64,
) -> Result<Vec<(Place, TransferProblem)>> {
    let rows: Vec<ProblemRow> =
        sql("select line, batch, place, field, shape, reason, problem, accepted from transfer_problems
             where tenant = $1 and transfer = $2 and (line, batch, place) > ($3, $4, $5)
             order by line, batch, place limit $6")
        .bind(tenant)
        .bind(id)
        .bind(after.0)
        .bind(after.1)
        .bind(after.2)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    let told = |row: ProblemRow| {
        let ProblemRow { line, batch, place, field, shape, reason, problem, accepted } = row;
        ((line, batch, place), TransferProblem { line, column: field, shape, reason, problem, accepted })
    };
    Ok(rows.into_iter().map(told).collect())
}

/// Forgets files of work that has ended, uploads that nobody went on with since `unfinished`, and
/// transfers that were begun before `begun`. Times are in microseconds.
///
/// # Errors
/// What the store says.
pub async fn prune_in_tx(tx: &mut Tx, kind: &str, unfinished: i64, begun: i64) -> Result<()> {
    // of complete files all that nobody is working on
    const OLD: &str = "delete from transfers where (create_time < $1 and not complete) or (create_time < $2
         and complete and (tenant, id) not in (select tenant, id from runs where kind = $3 and state < 3))";
    sql(OLD).bind(unfinished).bind(begun).bind(kind).execute(tx).await?;
    // the request id is free again: the same file gets a run of its own
    sql("delete from runs where kind = $1 and state > 2
           and (tenant, id) not in (select tenant, id from transfers)")
    .bind(kind)
    .execute(tx)
    .await?;
    sql("delete from transfer_chunks
         where (tenant, transfer) not in (select tenant, id from transfers)
            or (tenant, transfer) in (select tenant, id from runs where kind = $1 and state > 2)")
    .bind(kind)
    .execute(tx)
    .await?;
    sql("delete from transfer_problems where (tenant, transfer) not in (select tenant, id from transfers)")
        .execute(tx)
        .await?;
    Ok(())
}
