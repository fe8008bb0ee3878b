//! What this service hears of others. Every handler writes with the inbox row in one commit.

use salient_core::{AccountId, ReactionId, RecommendationId, Result, SellerId};
use salient_events::HandlerCtx;
use salient_ledger::roots;
use salient_proto::{feedback::v1 as feedback, profile::v1 as profile, scoring::v1 as scoring};

use crate::{
    domain::{Scope, State, Suppression},
    grpc::convert::{account, time},
    store,
};

/// Accounts that are new or changed.
pub async fn accounts_changed(ctx: &mut HandlerCtx, event: profile::AccountsChanged) -> Result<()> {
    salient_ledger::put_accounts_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.accounts).await
}

/// Contacts that are new or changed.
pub async fn contacts_changed(ctx: &mut HandlerCtx, event: profile::ContactsChanged) -> Result<()> {
    store::projection::put_contacts_in_tx(&mut ctx.tx, &ctx.envelope.tenant, event.contacts).await
}

/// Orders that are new or changed; one of today overtakes the plans that name its account.
pub async fn orders_recorded(ctx: &mut HandlerCtx, event: profile::OrdersRecorded) -> Result<()> {
    let now = ctx.clock.now();
    let today = now.date_naive();
    let mut touched: Vec<AccountId> = Vec::new();
    for order in &event.orders {
        let at = order.order_time.as_ref().and_then(time);
        if at.is_some_and(|at| at.date_naive() == today && at <= now) {
            touched.push(account(&order.account)?);
        }
    }
    let tenant = ctx.envelope.tenant.clone();
    salient_ledger::put_orders_in_tx(&mut ctx.tx, &tenant, event.orders).await?;
    store::plans::mark_stale_in_tx(&mut ctx.tx, &tenant, today, &touched).await
}

/// Accounts were scored.
pub async fn scores_published(ctx: &mut HandlerCtx, event: scoring::ScoresPublished) -> Result<()> {
    store::projection::put_scores_in_tx(&mut ctx.tx, &ctx.envelope.tenant, event.scores).await
}

/// Sellers reacted: the item changes its state, what must rest is kept off, and the plans that
/// this overtakes are made again when they are next read.
pub async fn reactions_recorded(ctx: &mut HandlerCtx, event: feedback::ReactionsRecorded) -> Result<()> {
    use feedback::ReactionAction as Action;
    let tenant = ctx.envelope.tenant.clone();
    let today = ctx.clock.now().date_naive();
    // before the first state: who is choosing a list would write back the old one
    store::plans::hold_in_tx(&mut ctx.tx, &tenant).await?;
    let mut touched = Vec::with_capacity(event.reactions.len());
    for reaction in event.reactions {
        let id = RecommendationId::parse_field("recommendation", &reaction.recommendation)?;
        let at = reaction.react_time.as_ref().and_then(time).unwrap_or_else(|| ctx.clock.now());
        let state = match reaction.action() {
            Action::Unspecified => continue,
            Action::Accept => State::Accepted,
            Action::Snooze => State::Snoozed,
            Action::Dismiss => State::Dismissed,
            Action::Complete => State::Completed,
        };
        store::recommendations::set_state_in_tx(&mut ctx.tx, &tenant, id, state, at).await?;
        let about = account(&reaction.account)?;
        if let Some(suppression) = suppression(&reaction)? {
            let seller = SellerId::parse_field("seller", &reaction.seller)?;
            let name = ReactionId::parse_name(&reaction.name)?;
            store::suppressions::put_in_tx(&mut ctx.tx, &tenant, name, &seller, &suppression, at).await?;
            if matches!(suppression.scope, Scope::Product(_)) {
                store::plans::mark_all_stale_in_tx(&mut ctx.tx, &tenant, today).await?;
            }
        }
        touched.push(about);
    }
    store::plans::mark_stale_in_tx(&mut ctx.tx, &tenant, today, &touched).await
}

fn suppression(reaction: &feedback::Reaction) -> Result<Option<Suppression>> {
    use feedback::suppression::Scope as Wire;
    let Some(wire) = &reaction.suppression else { return Ok(None) };
    let about = account(&reaction.account)?;
    let product = || salient_core::ProductId::parse_field("product", &reaction.product);
    let scope = match wire.scope() {
        Wire::Unspecified => return Ok(None),
        Wire::AccountProduct => Scope::AccountProduct(about, product()?),
        Wire::Account => Scope::Account(about),
        Wire::Product => Scope::Product(product()?),
    };
    Ok(Some(Suppression {
        scope,
        until: wire.until_time.as_ref().and_then(time),
        effect: reaction.effect.clone(),
    }))
}

/// Accounts or contacts were merged, or are themselves again: the plans that name them are overtaken.
pub async fn profiles_resolved(ctx: &mut HandlerCtx, event: profile::ProfilesResolved) -> Result<()> {
    let tenant = ctx.envelope.tenant.clone();
    let mut touched = roots::put_in_tx(&mut ctx.tx, &tenant, &event.roots).await?;
    touched.extend(store::people::put_roots_in_tx(&mut ctx.tx, &tenant, &event.roots).await?);
    let today = ctx.clock.now().date_naive();
    store::plans::mark_stale_in_tx(&mut ctx.tx, &tenant, today, &touched).await
}
