//! What this service hears of others.

use std::collections::BTreeMap;

use salient_core::Result;
use salient_events::{
    HandlerCtx, Outbox,
    erasure::{self, Traces},
};
use salient_ledger::roots;
use salient_proto::profile::v1 as profile;

/// Accounts that are new or changed.
pub async fn accounts_changed(ctx: &mut HandlerCtx, event: profile::AccountsChanged) -> Result<()> {
    salient_ledger::put_accounts_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.accounts).await
}

/// Orders that are new or changed.
pub async fn orders_recorded(ctx: &mut HandlerCtx, event: profile::OrdersRecorded) -> Result<()> {
    salient_ledger::put_orders_in_tx(&mut ctx.tx, &ctx.envelope.tenant, event.orders).await
}

/// Accounts were merged, or are themselves again.
pub async fn profiles_resolved(ctx: &mut HandlerCtx, event: profile::ProfilesResolved) -> Result<()> {
    roots::put_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.roots).await.map(drop)
}

/// A person is erased. Scores are of accounts: of people this service keeps nothing but events that
/// it could not apply.
pub async fn person_erased(outbox: Outbox, ctx: &mut HandlerCtx, event: profile::PersonErased) -> Result<()> {
    let tenant = ctx.envelope.tenant.clone();
    let traces = Traces::of(&event)?;
    erasure::note_in_tx(&mut ctx.tx, &tenant, &traces, ctx.envelope.time).await?;
    let letters = erasure::scrub_in_tx(&mut ctx.tx, &tenant, &traces).await?;
    let removed = BTreeMap::from([("dead_letters", letters)]);
    erasure::confirm_in_tx(&mut ctx.tx, &outbox, &tenant, &event, removed).await
}

/// What is held about a person is collected: nothing here.
pub async fn person_export_requested(
    outbox: Outbox,
    ctx: &mut HandlerCtx,
    event: profile::PersonExportRequested,
) -> Result<()> {
    erasure::report_in_tx(&mut ctx.tx, &outbox, &ctx.envelope, event.person_export, "{}".to_owned()).await
}
