//! What this service hears of others.

use salient_core::Result;
use salient_events::HandlerCtx;
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
