//! What this service holds about people: what sellers wrote about recommendations that name them.

use std::collections::BTreeMap;

use salient_core::{AccountId, ContactId, Result};
use salient_events::{
    HandlerCtx, Outbox,
    erasure::{self, How, Traces},
};
use salient_proto::{profile::v1 as profile, to_json};
use salient_store::idempotency;
use serde_json::json;

use crate::{grpc::convert, react::RECORD_REACTION, store};

/// A person is erased: what sellers wrote is emptied, also in answers that are kept for a repeated
/// request. That somebody reacted, and how, stays.
pub async fn person_erased(outbox: Outbox, ctx: &mut HandlerCtx, event: profile::PersonErased) -> Result<()> {
    let tenant = ctx.envelope.tenant.clone();
    let mut traces = Traces::of(&event)?;
    erasure::note_in_tx(&mut ctx.tx, &tenant, &traces, ctx.envelope.time).await?;
    let contacts = contacts(&event.contacts)?;
    let accounts = accounts(&event.accounts)?;
    let recommendations =
        store::people::forget_contacts_in_tx(&mut ctx.tx, &tenant, &contacts, &accounts).await?;
    let reactions = store::people::empty_comments_in_tx(&mut ctx.tx, &tenant, &recommendations).await?;
    traces.add(recommendations, How::Mentioned);
    erasure::note_in_tx(&mut ctx.tx, &tenant, &traces, ctx.envelope.time).await?;
    let speaks = |method: &str, answer: &[u8]| method == RECORD_REACTION && traces.are_mentioned_in(answer);
    let answers = idempotency::empty_in_tx(&mut ctx.tx, &tenant, speaks).await?;
    let letters = erasure::scrub_in_tx(&mut ctx.tx, &tenant, &traces).await?;
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
    let contacts = contacts(&event.contacts)?;
    let reactions = store::people::reactions(&mut ctx.tx, &tenant, &contacts).await?;
    let reactions: Vec<_> =
        reactions.into_iter().map(|reaction| to_json(&convert::reaction(reaction))).collect();
    let json = json!({ "reactions": reactions }).to_string();
    erasure::report_in_tx(&mut ctx.tx, &outbox, &ctx.envelope, event.person_export, json).await
}

fn contacts(names: &[String]) -> Result<Vec<ContactId>> {
    names.iter().map(|name| ContactId::parse_field("contacts", name)).collect()
}

fn accounts(names: &[String]) -> Result<Vec<AccountId>> {
    names.iter().map(|name| AccountId::parse_field("accounts", name)).collect()
}
