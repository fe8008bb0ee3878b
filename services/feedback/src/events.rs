//! What this service hears of others.

use salient_core::{RecommendationId, Result};
use salient_events::HandlerCtx;
use salient_ledger::roots;
use salient_proto::{profile::v1 as profile, recommendation::v1 as recommendation};

use crate::store;

/// What wakes the matching of outcomes.
pub const HEARD: &str = "heard";

/// Recommendations were issued.
pub async fn recommendations_issued(
    ctx: &mut HandlerCtx,
    event: recommendation::RecommendationsIssued,
) -> Result<()> {
    ctx.tx.wake(HEARD);
    store::projection::put_recommendations_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.recommendations)
        .await
}

/// Recommendations expired: no reaction is taken any more; outcomes still are.
pub async fn recommendations_expired(
    ctx: &mut HandlerCtx,
    event: recommendation::RecommendationsExpired,
) -> Result<()> {
    let ids =
        event.names.iter().map(|name| RecommendationId::parse_name(name)).collect::<Result<Vec<_>>>()?;
    Ok(store::close_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &ids).await?)
}

/// Orders that are new or changed.
pub async fn orders_recorded(ctx: &mut HandlerCtx, event: profile::OrdersRecorded) -> Result<()> {
    ctx.tx.wake(HEARD);
    store::projection::put_orders_in_tx(&mut ctx.tx, &ctx.envelope.tenant, event.orders).await
}

/// Opportunities that are new or changed.
pub async fn opportunities_changed(ctx: &mut HandlerCtx, event: profile::OpportunitiesChanged) -> Result<()> {
    ctx.tx.wake(HEARD);
    store::projection::put_opportunities_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.opportunities).await
}

/// Accounts were merged, or are themselves again.
pub async fn profiles_resolved(ctx: &mut HandlerCtx, event: profile::ProfilesResolved) -> Result<()> {
    ctx.tx.wake(HEARD);
    roots::put_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.roots).await.map(drop)
}
