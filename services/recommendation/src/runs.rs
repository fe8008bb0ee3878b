//! Work that takes longer than a call: planning a day for every seller, and backtests.

pub mod backtest;
pub mod plan;

use chrono::NaiveDate;
use salient_core::{Clock, Error, Result, TenantId};
use salient_store::{
    Db,
    runs::{self, NewRun, Run},
};
use uuid::Uuid;

use crate::domain::schedule;

pub use salient_ledger::wire::status;

/// The kind under which plan runs are kept.
pub const PLAN: &str = "plan";

/// The kind under which backtests are kept.
pub const BACKTEST: &str = "backtest";

/// Accepts a run.
///
/// # Errors
/// The request id was used with another body.
pub async fn enqueue(
    db: &Db,
    clock: &Clock,
    tenant: &TenantId,
    kind: &str,
    request_id: &str,
    request: &impl prost::Message,
) -> Result<Run> {
    let mut tx = db.begin().await?;
    let new = NewRun {
        id: clock.uuid(),
        tenant,
        kind,
        request_id,
        request: request.encode_to_vec(),
        now: clock.now(),
    };
    let run = runs::enqueue_in_tx(&mut tx, new).await?;
    tx.commit().await?;
    Ok(run)
}

/// A run that was accepted.
///
/// # Errors
/// There is none such.
pub async fn get(db: &Db, tenant: &TenantId, kind: &str, id: Uuid, name: &str) -> Result<Run> {
    runs::get(db, tenant, kind, id).await?.ok_or_else(|| Error::not_found(name))
}

/// What a run left, decoded; the empty message before it has succeeded.
///
/// # Errors
/// The stored result is damaged.
pub fn result<M: prost::Message + Default>(run: &Run) -> Result<M> {
    run.result.as_deref().map_or_else(|| Ok(M::default()), |bytes| M::decode(bytes).map_err(Error::internal))
}

/// The day a request means: today by the clock when it says none; never after today.
///
/// # Errors
/// No day of the calendar, or one in the future.
pub fn day(clock: &Clock, field: &str, text: &str) -> Result<NaiveDate> {
    let today = clock.now().date_naive();
    if text.is_empty() || text == "today" {
        return Ok(today);
    }
    let day = schedule::parse_day(field, text)?;
    if day > today {
        return Err(Error::new(
            salient_core::Reason::DateInFuture,
            format!("{day} has not come yet; a day up to today, {today}, is accepted"),
        )
        .with_violation(field, format!("a day up to {today} is accepted")));
    }
    Ok(day)
}
