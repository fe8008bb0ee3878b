//! What this service holds about people: what sellers wrote about recommendations that name them.

use std::collections::BTreeMap;

use salient_core::{AccountId, ContactId, Result};
use salient_events::{HandlerCtx, Outbox, erasure};
use salient_proto::{profile::v1 as profile, to_json};
use salient_store::idempotency;
use serde_json::json;

use crate::{grpc::convert, react::RECORD_REACTION, store};

/// A person is erased: what sellers wrote is emptied, also in answers that are kept for a repeated
/// request. That somebody reacted, and how, stays.
pub async fn person_erased(outbox: Outbox, ctx: &mut HandlerCtx, event: profile::PersonErased) -> Result<()> {
    let (tenant, now) = (ctx.envelope.tenant.clone(), ctx.clock.now());
    let contact = ContactId::parse_field("contact", &event.contact)?;
    let account = account(&event.account)?;
    let recommendations = store::people::forget_contact_in_tx(&mut ctx.tx, &tenant, contact, account).await?;
    let reactions = store::people::empty_comments_in_tx(&mut ctx.tx, &tenant, &recommendations).await?;
    let mut ids = erasure::ids_of(&event)?;
    ids.extend(recommendations);
    erasure::note_in_tx(&mut ctx.tx, &tenant, &ids, now).await?;
    let speaks = |answer: &[u8]| erasure::speaks_of(answer, &ids);
    let answers = idempotency::empty_in_tx(&mut ctx.tx, &tenant, RECORD_REACTION, speaks).await?;
    let letters = erasure::scrub_in_tx(&mut ctx.tx, &tenant, &ids).await?;
    let removed = BTreeMap::from([("comments", reactions), ("answers", answers), ("dead_letters", letters)]);
    erasure::confirm_in_tx(&mut ctx.tx, &outbox, &tenant, &event, removed).await
}

/// What is held about a person is collected.
pub async fn person_export_requested(
    outbox: Outbox,
    ctx: &mut HandlerCtx,
    event: profile::PersonExportRequested,
) -> Result<()> {
    let tenant = ctx.envelope.tenant.clone();
    let contact = ContactId::parse_field("contact", &event.contact)?;
    let reactions = store::people::reactions(&mut ctx.tx, &tenant, contact).await?;
    let reactions: Vec<_> =
        reactions.into_iter().map(|reaction| to_json(&convert::reaction(reaction))).collect();
    let json = json!({ "reactions": reactions }).to_string();
    erasure::report_in_tx(&mut ctx.tx, &outbox, &ctx.envelope, event.person_export, json).await
}

/// The account in an event; empty when the person stood at none.
fn account(name: &str) -> Result<Option<AccountId>> {
    (!name.is_empty()).then(|| AccountId::parse_field("account", name)).transpose()
}
