//! How far a service is: what it published and what it applied.

use salient_core::{Result, TenantId};
use salient_store::{Db, sql};

/// The counts of one event type, for one tenant. They only grow, except `dead`, and stay right
/// when rows they were counted from are long gone.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TypeStatus {
    /// The full name of the message.
    #[sqlx(rename = "type")]
    pub type_: String,
    /// Events committed to this service's outbox.
    pub committed: i64,
    /// Of those, events that the bus has taken.
    pub published: i64,
    /// Events that this service consumed and applied.
    pub applied: i64,
    /// Events that this service gave up on and keeps as dead letters.
    pub dead: i64,
}

/// The counts of a tenant's events, by type.
///
/// A consumer has caught up with a publisher when `applied + dead` there equals `committed`
/// here. Costs a look at the counts, the backlog and the dead letters, all of one snapshot.
///
/// # Errors
/// What the store says.
pub async fn status(db: &Db, tenant: &TenantId) -> Result<Vec<TypeStatus>> {
    let mut read = db.read().await?;
    let counts = sql("select type,
                cast(sum(published + waiting) as bigint) as committed,
                cast(sum(published) as bigint) as published,
                cast(sum(applied) as bigint) as applied,
                cast(sum(dead) as bigint) as dead
         from (
             select type, published, applied, 0 as waiting, 0 as dead
             from event_counts where tenant = $1
             union all
             select type, 0, 0, count(*), 0 from outbox where tenant = $1 group by type
             union all
             select type, 0, 0, 0, count(*) from dead_letters where tenant = $1 group by type
         ) counts
         group by type
         order by type")
    .bind(tenant)
    .fetch_all(&mut read)
    .await?;
    Ok(counts)
}
