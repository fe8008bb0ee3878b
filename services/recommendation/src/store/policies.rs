//! Ranking policies and their rankers.

use salient_core::{PolicyId, TenantId, from_micros};
use salient_learn::pairs::PairModel;
use salient_store::{Connection, Error, Result, Tx, sql};
use uuid::Uuid;

use crate::policies::Policy;

type Row = (Uuid, i64, i64, f64, i64, i64);
type RowWithRanker = (Uuid, i64, i64, f64, i64, i64, Vec<u8>);

const TABLE: &str = "policies";

fn policy((id, version, as_of, value_exponent, train_examples, create_time): Row) -> Result<Policy> {
    Ok(Policy {
        id: PolicyId::from_uuid(id),
        version: i32::try_from(version)
            .map_err(|error| Error::inconsistent(TABLE, "version", id, error.to_string()))?,
        as_of: from_micros(as_of),
        value_exponent,
        train_examples,
        create_time: from_micros(create_time),
    })
}

/// Keeps a new policy with its ranker.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, policy: &Policy, ranker: &[u8]) -> Result<()> {
    sql("insert into policies (tenant, policy, version, as_of, value_exponent, train_examples, create_time, ranker)
         values ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(tenant)
    .bind(policy.id.uuid())
    .bind(i64::from(policy.version))
    .bind(policy.as_of)
    .bind(policy.value_exponent)
    .bind(policy.train_examples)
    .bind(policy.create_time)
    .bind(ranker)
    .execute(tx)
    .await?;
    Ok(())
}

/// The version that comes next.
pub async fn next_version_in_tx(tx: &mut Tx, tenant: &TenantId) -> Result<i32> {
    let (last,): (i64,) = sql("select coalesce(max(version), 0) from policies where tenant = $1")
        .bind(tenant)
        .fetch_one(tx)
        .await?;
    Ok(i32::try_from(last + 1).unwrap_or(i32::MAX))
}

/// One policy.
pub async fn by_id(conn: &mut impl Connection, tenant: &TenantId, id: PolicyId) -> Result<Option<Policy>> {
    let row = sql("select policy, version, as_of, value_exponent, train_examples, create_time
         from policies where tenant = $1 and policy = $2")
    .bind(tenant)
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(policy).transpose()
}

/// The newest policy that was trained with nothing at or after `until`, with its ranker.
pub async fn newest(
    conn: &mut impl Connection,
    tenant: &TenantId,
    until: i64,
) -> Result<Option<(Policy, PairModel)>> {
    let row: Option<RowWithRanker> =
        sql("select policy, version, as_of, value_exponent, train_examples, create_time, ranker
             from policies where tenant = $1 and as_of <= $2 order by as_of desc limit 1")
        .bind(tenant)
        .bind(until)
        .fetch_optional(conn)
        .await?;
    let Some((id, version, as_of, exponent, examples, created, ranker)) = row else { return Ok(None) };
    let ranker = serde_json::from_slice(&ranker)
        .map_err(|error| Error::inconsistent(TABLE, "ranker", id, error.to_string()))?;
    Ok(Some((policy((id, version, as_of, exponent, examples, created))?, ranker)))
}

/// Policies, newest version first, below `before`.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Policy>> {
    let rows: Vec<Row> = sql("select policy, version, as_of, value_exponent, train_examples, create_time
         from policies where tenant = $1 and version < $2 order by version desc limit $3")
    .bind(tenant)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(policy).collect()
}
