//! Pairs of records that may be one customer, and what waits to be compared.

use prost::Message as _;
use salient_core::TenantId;
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, Contact, Review, review::State},
};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::identity::Profiled;
use crate::domain::likeness::Comparable;

/// A record that is resolved: compared with the others of its kind.
pub trait Resolved: Profiled + Comparable {
    /// All records.
    const ALL: &'static str;
    /// Given records.
    const SOME: &'static str;
    /// Whether there is a record of another source.
    const OTHERS: &'static str;
}

macro_rules! resolved {
    ($record:ty, $table:literal, $company:literal) => {
        impl Resolved for $record {
            const ALL: &'static str = concat!(
                "select r.id, r.source, r.source_id, r.body, ",
                $company,
                " as company from ",
                $table,
                " r
                 where r.tenant = $1 order by r.id"
            );
            const SOME: &'static str = concat!(
                "select r.id, r.source, r.source_id, r.body, ",
                $company,
                " as company
                 from {rows} join ",
                $table,
                " r on r.id = rows.id where r.tenant = $1 order by r.id"
            );
            const OTHERS: &'static str =
                concat!("select id from ", $table, " where tenant = $1 and source <> $2 limit 1");
        }
    };
}

resolved!(Account, "accounts", "''");
resolved!(Contact, "contacts", "(select a.display_name from accounts a where a.id = r.account_id)");

/// A record to compare.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: SourceKey,
    /// As it is compared.
    pub likeness: salient_linkage::Record,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    source: String,
    source_id: String,
    body: Vec<u8>,
    company: Option<String>,
}

fn compared<R: Resolved>(row: Row) -> Result<Compared> {
    let record = R::decode(row.body.as_slice())
        .map_err(|error| Error::inconsistent(R::TABLE, "body", row.id, error))?;
    let likeness = record.likeness(row.id, row.company.as_deref().unwrap_or_default());
    Ok(Compared { id: row.id, key: SourceKey { source: row.source, id: row.source_id }, likeness })
}

/// Gives every record of the tenant away, by id.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn each<R: Resolved>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    mut take: impl FnMut(Compared) + Send,
) -> Result<()> {
    let mut broken = Ok(());
    sql(R::ALL)
        .bind(tenant)
        .for_each(conn, |row: Row| match compared::<R>(row) {
            Ok(record) => take(record),
            Err(error) => broken = Err(error),
        })
        .await?;
    broken
}

/// The records with these ids.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn some<R: Resolved>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: &[Uuid],
) -> Result<Vec<Compared>> {
    let rows: Vec<Row> =
        sql(R::SOME).bind(tenant).rows(Rows::new().uuid("id", ids.iter().copied())).fetch_all(conn).await?;
    rows.into_iter().map(compared::<R>).collect()
}

/// Whether there is a record of another source than `source`.
///
/// # Errors
/// What the store says.
pub async fn others<R: Resolved>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    source: &str,
) -> Result<bool> {
    let found: Option<(Uuid,)> = sql(R::OTHERS).bind(tenant).bind(source).fetch_optional(conn).await?;
    Ok(found.is_some())
}

/// What wakes those who compare.
pub const UNRESOLVED: &str = "unresolved";

/// Puts records into the queue of what is to be compared, when the transaction commits.
///
/// # Errors
/// What the store says.
pub async fn enqueue_in_tx<R: Resolved>(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<()> {
    sql("insert into unresolved (tenant, kind, id) select $1, $2, id from {rows} where true
         on conflict (tenant, kind, id) do nothing")
    .bind(tenant)
    .bind(R::TABLE)
    .rows(Rows::new().uuid("id", ids))
    .execute(tx)
    .await?;
    tx.wake(UNRESOLVED);
    Ok(())
}

/// Whose records of which kind wait.
///
/// # Errors
/// What the store says.
pub async fn waiting(conn: &mut impl Connection) -> Result<Vec<(TenantId, String)>> {
    let rows: Vec<(String, String)> =
        sql("select distinct tenant, kind from unresolved order by 1, 2").fetch_all(conn).await?;
    let tenant = |(tenant, kind): (String, String)| match TenantId::try_from(tenant.as_str()) {
        Ok(id) => Ok((id, kind)),
        Err(error) => Err(Error::inconsistent("unresolved", "tenant", tenant, error.to_string())),
    };
    rows.into_iter().map(tenant).collect()
}

/// The records that have waited longest, at most `limit`.
///
/// # Errors
/// What the store says.
pub async fn queued(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: &str,
    limit: i64,
) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> =
        sql("select id from unresolved where tenant = $1 and kind = $2 order by id limit $3")
            .bind(tenant)
            .bind(kind)
            .bind(limit)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Takes records out of the queue.
///
/// # Errors
/// What the store says.
pub async fn dequeue_in_tx(tx: &mut Tx, tenant: &TenantId, kind: &str, ids: &[Uuid]) -> Result<()> {
    sql("delete from unresolved where tenant = $1 and kind = $2 and id in (select id from {rows})")
        .bind(tenant)
        .bind(kind)
        .rows(Rows::new().uuid("id", ids.iter().copied()))
        .execute(tx)
        .await?;
    Ok(())
}

/// A pair as it is stored.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Its id.
    pub id: Uuid,
    /// The table of its records.
    pub kind: String,
    /// The record with the smaller id.
    pub one: Uuid,
    /// The other.
    pub other: Uuid,
    /// As it is told.
    pub told: Review,
}

/// Writes a pair. One that a person has decided about, or that was asked before, stays as it is.
///
/// # Errors
/// What the store says.
pub async fn ask_in_tx(tx: &mut Tx, tenant: &TenantId, pair: &Pair) -> Result<()> {
    put(
        tx,
        tenant,
        pair,
        "insert into matches (tenant, match, kind, one, other, state, probability, body)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (tenant, kind, one, other) do nothing",
    )
    .await
}

/// Writes a pair, whole.
///
/// # Errors
/// What the store says.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, pair: &Pair) -> Result<()> {
    put(
        tx,
        tenant,
        pair,
        "insert into matches (tenant, match, kind, one, other, state, probability, body)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (tenant, kind, one, other) do update
            set match = excluded.match, probability = excluded.probability, state = excluded.state,
                body = excluded.body",
    )
    .await
}

async fn put(tx: &mut Tx, tenant: &TenantId, pair: &Pair, text: &'static str) -> Result<()> {
    sql(text)
        .bind(tenant)
        .bind(pair.id)
        .bind(pair.kind.as_str())
        .bind(pair.one)
        .bind(pair.other)
        .bind(i64::from(pair.told.state))
        .bind(pair.told.probability)
        .bind(pair.told.encode_to_vec())
        .execute(tx)
        .await?;
    Ok(())
}

type PairRow = (Uuid, String, Uuid, Uuid, Vec<u8>);

fn pair((id, kind, one, other, body): PairRow) -> Result<Pair> {
    let told =
        Review::decode(body.as_slice()).map_err(|error| Error::inconsistent("matches", "body", id, error))?;
    Ok(Pair { id, kind, one, other, told })
}

/// A pair.
///
/// # Errors
/// What the store says.
pub async fn by_id(conn: &mut impl Connection, tenant: &TenantId, id: Uuid) -> Result<Option<Pair>> {
    let row: Option<PairRow> =
        sql("select match, kind, one, other, body from matches where tenant = $1 and match = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(conn)
            .await?;
    row.map(pair).transpose()
}

/// The pairs of these records.
///
/// # Errors
/// What the store says.
pub async fn of_records(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: &str,
    records: &[Uuid],
) -> Result<Vec<Pair>> {
    let rows: Vec<PairRow> = sql("select match, kind, one, other, body from matches
         where tenant = $1 and kind = $2
             and (one in (select id from {rows}) or other in (select id from {rows}))
         order by match")
    .bind(tenant)
    .bind(kind)
    .rows(Rows::new().uuid("id", records.iter().copied()))
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(pair).collect()
}

/// Pairs in a state after `after` (probability and id), the likeliest first.
///
/// # Errors
/// What the store says.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    state: State,
    after: Option<(f64, Uuid)>,
    limit: i64,
) -> Result<Vec<Pair>> {
    let (probability, id) = after.unwrap_or((2.0, Uuid::max()));
    let rows: Vec<PairRow> = sql("select match, kind, one, other, body from matches
         where tenant = $1 and state = $2 and (probability, match) < ($3, $4)
         order by probability desc, match desc limit $5")
    .bind(tenant)
    .bind(i64::from(state as i32))
    .bind(probability)
    .bind(id)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(pair).collect()
}

/// Whether a person said that a record of one group and one of another are not one customer.
///
/// # Errors
/// What the store says.
pub async fn are_apart(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: &str,
    one: &[Uuid],
    other: &[Uuid],
) -> Result<bool> {
    let pairs: Vec<(Uuid, Uuid)> =
        one.iter().flat_map(|a| other.iter().map(move |b| (*a.min(b), *a.max(b)))).collect();
    let found: Vec<(Uuid,)> =
        sql("select m.match from {rows} join matches m on m.one = rows.one and m.other = rows.other
         where m.tenant = $1 and m.kind = $2 and m.state = $3 limit 1")
        .bind(tenant)
        .bind(kind)
        .bind(i64::from(State::Apart as i32))
        .rows(
            Rows::new()
                .uuid("one", pairs.iter().map(|(one, _)| *one))
                .uuid("other", pairs.iter().map(|(_, other)| *other)),
        )
        .fetch_all(conn)
        .await?;
    Ok(!found.is_empty())
}

/// The model that was learned of a kind, as JSON.
///
/// # Errors
/// What the store says.
pub async fn model(conn: &mut impl Connection, tenant: &TenantId, kind: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = sql("select model from match_models where tenant = $1 and kind = $2")
        .bind(tenant)
        .bind(kind)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|(model,)| model))
}

/// Keeps the model of a kind.
///
/// # Errors
/// What the store says.
pub async fn put_model_in_tx(tx: &mut Tx, tenant: &TenantId, kind: &str, model: &str) -> Result<()> {
    sql("insert into match_models (tenant, kind, model) values ($1, $2, $3)
         on conflict (tenant, kind) do update set model = excluded.model")
    .bind(tenant)
    .bind(kind)
    .bind(model)
    .execute(tx)
    .await?;
    Ok(())
}
