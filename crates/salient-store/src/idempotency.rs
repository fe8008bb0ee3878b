//! Writes that can be sent again (AIP-155).
//!
//! The row that remembers a request is written in the transaction that does its work: both
//! are there, or neither. Checking also claims the id, so that of two equal requests that
//! arrive together one waits for the other and then returns its answer.
//!
//! A body is compared by the SHA-256 of its encoding. That needs an encoding that is always
//! the same, so messages with maps must be generated with `BTreeMap`.

use chrono::{DateTime, Utc};
use prost::Message;
use salient_core::{Error, Reason, Result, TenantId};
use sha2::{Digest, Sha256};

use crate::{conn::Tx, rows::Rows, sql::sql};

/// Looks up a request. `None` means that it is new and now claimed by this transaction: do
/// the work, [`store_in_tx`] the answer, commit. `Some` is the stored answer, encoded.
///
/// # Errors
/// [`Reason::RequestIdReused`] if the id was used with another body.
pub async fn check_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    method: &str,
    request_id: &str,
    body: &impl Message,
) -> Result<Option<Vec<u8>>> {
    let sha256 = Sha256::digest(body.encode_to_vec()).to_vec();
    let claimed = sql("insert into idempotency (tenant, method, request_id, body_sha256, create_time)
         values ($1, $2, $3, $4, 0) on conflict (tenant, method, request_id) do nothing")
    .bind(tenant)
    .bind(method)
    .bind(request_id)
    .bind(sha256.clone())
    .execute(tx)
    .await?;
    if claimed == 1 {
        return Ok(None);
    }
    let (before, response): (Vec<u8>, Option<Vec<u8>>) = sql(
        "select body_sha256, response from idempotency where tenant = $1 and method = $2 and request_id = $3",
    )
    .bind(tenant)
    .bind(method)
    .bind(request_id)
    .fetch_one(tx)
    .await?;
    if before != sha256 {
        return Err(Error::new(
            Reason::RequestIdReused,
            format!("request_id {request_id} was used before with another body; a new UUID is accepted"),
        )
        .with_violation("request_id", "used before with another body"));
    }
    Ok(response)
}

/// Keeps the answer to a request that [`check_in_tx`] claimed in the same transaction.
pub async fn store_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    method: &str,
    request_id: &str,
    response: &impl Message,
    now: DateTime<Utc>,
) -> Result<()> {
    sql("update idempotency set response = $4, create_time = $5
         where tenant = $1 and method = $2 and request_id = $3")
    .bind(tenant)
    .bind(method)
    .bind(request_id)
    .bind(response.encode_to_vec())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets requests answered before `before`, at most `limit` at once; says how many.
pub async fn prune_in_tx(tx: &mut Tx, before: DateTime<Utc>, limit: u32) -> Result<u64> {
    let pruned = sql("delete from idempotency where (tenant, method, request_id) in (
             select tenant, method, request_id from idempotency where create_time < $1 order by create_time limit $2)")
    .bind(before)
    .bind(limit)
    .execute(tx)
    .await?;
    Ok(pruned)
}

/// Empties the stored answers that `speaks` picks, by method and answer; says how many. The requests
/// stay known: sent again, they do nothing and get an empty answer.
pub async fn empty_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    speaks: impl Fn(&str, &[u8]) -> bool + Send + Sync,
) -> Result<u64> {
    let mut picked: Vec<(String, String)> = Vec::new();
    sql("select method, request_id, response from idempotency where tenant = $1 and response is not null")
        .bind(tenant)
        .for_each(tx, |(method, request_id, response): (String, String, Vec<u8>)| {
            if speaks(&method, &response) {
                picked.push((method, request_id));
            }
        })
        .await?;
    let emptied = sql("update idempotency set response = $2
         where tenant = $1 and (method, request_id) in (select method, request_id from {rows})")
    .bind(tenant)
    .bind(Vec::new())
    .rows(
        Rows::new()
            .text("method", picked.iter().map(|(method, _)| method.as_str()))
            .text("request_id", picked.iter().map(|(_, request_id)| request_id.as_str())),
    )
    .execute(tx)
    .await?;
    Ok(emptied)
}
