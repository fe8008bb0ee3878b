//! The queue of accounts whose records changed.

use std::collections::BTreeSet;

use salient_core::TenantId;
use salient_store::{Connection, Result, Rows, Tx, sql};
use uuid::Uuid;

/// Wakes those who follow the records.
pub const SIGNAL: &str = "profile.dirty";

/// Says that records of these accounts changed. Cheap: it only appends. Whoever writes, moves or
/// deletes records calls this, with the accounts that had them and those that have them now; an
/// account that is gone itself leaves its segments and its stage.
///
/// # Errors
/// What the store says.
pub async fn mark_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    accounts: impl IntoIterator<Item = Uuid>,
) -> Result<()> {
    let accounts: BTreeSet<Uuid> = accounts.into_iter().collect();
    sql("insert into dirty_accounts (tenant, account_id) select $1, account_id from {rows}")
        .bind(tenant)
        .rows(Rows::new().uuid("account_id", accounts))
        .execute(tx)
        .await?;
    tx.wake(SIGNAL);
    Ok(())
}

/// [`mark_in_tx`] for every account of the tenant.
///
/// # Errors
/// What the store says.
pub async fn mark_all_in_tx(tx: &mut Tx, tenant: &TenantId) -> Result<()> {
    sql("insert into dirty_accounts (tenant, account_id) select tenant, id from accounts where tenant = $1")
        .bind(tenant)
        .execute(tx)
        .await?;
    tx.wake(SIGNAL);
    Ok(())
}

/// An entry of the queue.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Dirty {
    /// Its number.
    pub seq: i64,
    /// Whose.
    pub tenant: String,
    /// The account.
    pub account_id: Uuid,
}

/// The front of the queue. Always what is there, never "after the last one seen": of two
/// transactions the one with the higher numbers may commit first.
///
/// # Errors
/// What the store says.
pub async fn front(conn: &mut impl Connection, limit: i64) -> Result<Vec<Dirty>> {
    sql("select seq, tenant, account_id from dirty_accounts order by seq limit $1")
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// Takes entries out of the queue. False if some were not there any more: somebody else has
/// worked on them.
///
/// # Errors
/// What the store says.
pub async fn remove_in_tx(tx: &mut Tx, entries: &[i64]) -> Result<bool> {
    let removed = sql("delete from dirty_accounts where seq in (select seq from {rows})")
        .rows(Rows::new().int("seq", entries.iter().copied()))
        .execute(tx)
        .await?;
    Ok(removed == entries.len() as u64)
}

/// The number of the last entry that waits; 0 when none does.
///
/// # Errors
/// What the store says.
pub async fn last(conn: &mut impl Connection) -> Result<i64> {
    let (last,): (i64,) = sql("select coalesce(max(seq), 0) from dirty_accounts").fetch_one(conn).await?;
    Ok(last)
}

/// Whether every entry up to the number `last` was worked on.
///
/// # Errors
/// What the store says.
pub async fn is_past(conn: &mut impl Connection, last: i64) -> Result<bool> {
    let waiting: Option<(i64,)> = sql("select seq from dirty_accounts where seq <= $1 order by seq limit 1")
        .bind(last)
        .fetch_optional(conn)
        .await?;
    Ok(waiting.is_none())
}

/// Whether a record becomes known at `now` that was dated in the future.
///
/// # Errors
/// What the store says.
pub async fn is_due(conn: &mut impl Connection, now: i64) -> Result<bool> {
    let due: Option<(i64,)> = sql("select due_time from account_facts where due_time <= $1
         order by due_time limit 1")
    .bind(now)
    .fetch_optional(conn)
    .await?;
    Ok(due.is_some())
}

/// Puts the accounts into the queue of which [`is_due`] speaks.
///
/// # Errors
/// What the store says.
pub async fn mark_due_in_tx(tx: &mut Tx, now: i64) -> Result<()> {
    for text in [
        "insert into dirty_accounts (tenant, account_id)
         select tenant, account_id from account_facts where due_time <= $1",
        "update account_facts set due_time = null where due_time <= $1",
    ] {
        sql(text).bind(now).execute(tx).await?;
    }
    Ok(())
}
