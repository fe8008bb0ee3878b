//! Ranking policies: a trained ranker and the rules around it, immutable once made.

use chrono::{DateTime, Utc};
use salient_core::{Clock, Error, PolicyId, Result, TenantId};
use salient_learn::pairs::PairModel;
use salient_store::Db;

use crate::store;

/// By what power of the amount lists are ordered: probability × amount^this.
///
/// Zero ranks by likelihood alone, one by expected value alone. The default was chosen on days
/// before those that are reported; the trade is in `ARCHITECTURE.md`.
pub const VALUE_EXPONENT: f64 = 0.1;

/// A ranking policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// From 1.
    pub version: i32,
    /// Nothing at or after this time was used.
    pub as_of: DateTime<Utc>,
    /// See [`VALUE_EXPONENT`].
    pub value_exponent: f64,
    /// Examples trained on.
    pub train_examples: i64,
    /// When it was made.
    pub create_time: DateTime<Utc>,
}

/// Keeps a ranker trained as of a moment as the next version. One that another worker kept for
/// the same moment stays, and is returned.
///
/// # Errors
/// The store does not answer.
pub async fn keep(
    db: &Db,
    clock: &Clock,
    tenant: &TenantId,
    as_of: DateTime<Utc>,
    ranker: PairModel,
) -> Result<(Policy, PairModel)> {
    let body = serde_json::to_vec(&ranker).map_err(Error::internal)?;
    let mut tx = db.begin().await?;
    if let Some((policy, kept)) = store::policies::newest(&mut tx, tenant, as_of.timestamp_micros()).await?
        && policy.as_of == as_of
    {
        return Ok((policy, kept));
    }
    let policy = Policy {
        id: PolicyId::new(clock),
        version: store::policies::next_version_in_tx(&mut tx, tenant).await?,
        as_of,
        value_exponent: VALUE_EXPONENT,
        train_examples: i64::try_from(ranker.training_rows.iter().sum::<usize>()).unwrap_or(i64::MAX),
        create_time: clock.now(),
    };
    store::policies::put_in_tx(&mut tx, tenant, &policy, &body).await?;
    tx.commit().await?;
    Ok((policy, ranker))
}
