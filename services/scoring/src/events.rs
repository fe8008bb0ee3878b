//! What this service hears of others.

use std::collections::BTreeMap;

use salient_core::{AccountId, ContactId, OpportunityId, Result, from_micros};
use salient_events::{
    HandlerCtx, Outbox,
    erasure::{self, Traces},
};
use salient_ledger::roots;
use salient_proto::profile::v1 as profile;
use serde_json::json;
use uuid::Uuid;

use crate::{
    declarations,
    store::{attributes, contacts, events, history},
    told,
};

/// Accounts that are new or changed.
pub async fn accounts_changed(ctx: &mut HandlerCtx, event: profile::AccountsChanged) -> Result<()> {
    salient_ledger::put_accounts_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.accounts).await?;
    let said = event.accounts.iter().map(|account| told::account(account, ctx.envelope.time));
    let said = said.collect::<Result<Vec<_>>>()?;
    Ok(attributes::note_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &said).await?)
}

/// Contacts that are new or changed; who was erased is not taken up again.
pub async fn contacts_changed(ctx: &mut HandlerCtx, event: profile::ContactsChanged) -> Result<()> {
    let tenant = ctx.envelope.tenant.clone();
    let ids = event.contacts.iter().map(|contact| ContactId::parse_name(&contact.name).map(ContactId::uuid));
    let ids = ids.collect::<Result<Vec<_>>>()?;
    let erased = erasure::erased_in_tx(&mut ctx.tx, &tenant, ids.iter().copied()).await?;
    let known = ids.into_iter().zip(event.contacts).filter(|(id, _)| !erased.contains(id));
    let known: Vec<profile::Contact> = known.map(|(_, contact)| contact).collect();
    let said = known.iter().map(|contact| told::contact(contact, ctx.envelope.time));
    let said = said.collect::<Result<Vec<_>>>()?;
    contacts::put_in_tx(&mut ctx.tx, &tenant, &known).await?;
    Ok(attributes::note_in_tx(&mut ctx.tx, &tenant, &said).await?)
}

/// Interactions that are new or changed.
pub async fn interactions_recorded(ctx: &mut HandlerCtx, event: profile::InteractionsRecorded) -> Result<()> {
    let told = event.interactions.iter().map(told::interaction).collect::<Result<Vec<_>>>()?;
    Ok(events::put_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &told).await?)
}

/// Opportunities that are new or changed.
pub async fn opportunities_changed(ctx: &mut HandlerCtx, event: profile::OpportunitiesChanged) -> Result<()> {
    let (mut course, mut said) = (Vec::new(), Vec::new());
    for from in &event.opportunities {
        course.extend(told::course(from)?);
        said.push(told::opportunity(from, ctx.envelope.time)?);
    }
    events::put_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &course).await?;
    Ok(attributes::note_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &said).await?)
}

/// Orders that are new or changed.
pub async fn orders_recorded(ctx: &mut HandlerCtx, event: profile::OrdersRecorded) -> Result<()> {
    salient_ledger::put_orders_in_tx(&mut ctx.tx, &ctx.envelope.tenant, event.orders).await
}

/// Accounts or contacts were merged, or are themselves again.
pub async fn profiles_resolved(ctx: &mut HandlerCtx, event: profile::ProfilesResolved) -> Result<()> {
    contacts::put_roots_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.roots).await?;
    roots::put_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.roots).await.map(drop)
}

/// A person is erased, with what was said of them. What an account or an opportunity said of itself may have
/// named the person. Where it did, it was told anew without before this event, and what it said earlier is
/// forgotten, with the scores that were made of it.
pub async fn person_erased(outbox: Outbox, ctx: &mut HandlerCtx, event: profile::PersonErased) -> Result<()> {
    let tenant = ctx.envelope.tenant.clone();
    let traces = Traces::of(&event)?;
    erasure::note_in_tx(&mut ctx.tx, &tenant, &traces, ctx.envelope.time).await?;
    let letters = erasure::scrub_in_tx(&mut ctx.tx, &tenant, &traces).await?;
    let texts = attributes::forget_in_tx(&mut ctx.tx, &tenant, &cleaned(&event)?).await?;
    let people = event.contacts.iter().map(|name| ContactId::parse_name(name).map(ContactId::uuid));
    let people = people.collect::<Result<Vec<_>>>()?;
    let said = attributes::delete_in_tx(&mut ctx.tx, &tenant, &people).await?;
    let (people, events) = contacts::delete_in_tx(&mut ctx.tx, &tenant, &people).await?;
    let removed = BTreeMap::from([
        ("account_events", events),
        ("attributes", texts + said),
        ("contacts", people),
        ("dead_letters", letters),
    ]);
    erasure::confirm_in_tx(&mut ctx.tx, &outbox, &tenant, &event, removed).await
}

/// The accounts and opportunities that spoke of the person.
fn cleaned(event: &profile::PersonErased) -> Result<Vec<Uuid>> {
    let mut cleaned = Vec::new();
    for name in &event.records {
        if name.starts_with(AccountId::COLLECTION) {
            cleaned.push(AccountId::parse_name(name)?.uuid());
        } else if name.starts_with(OpportunityId::COLLECTION) {
            cleaned.push(OpportunityId::parse_name(name)?.uuid());
        }
    }
    Ok(cleaned)
}

/// What is held about a person is collected: where they live, when they were tried, and what models said.
pub async fn person_export_requested(
    outbox: Outbox,
    ctx: &mut HandlerCtx,
    event: profile::PersonExportRequested,
) -> Result<()> {
    let tenant = ctx.envelope.tenant.clone();
    let mut held = Vec::new();
    for name in &event.contacts {
        let contact = ContactId::parse_name(name)?;
        let Some(person) = contacts::get(&mut ctx.tx, &tenant, contact).await? else { continue };
        let id = contact.uuid();
        let tried = contacts::attempts_of(&mut ctx.tx, &tenant, &person).await?;
        let tried = tried.iter().map(|tried| {
            json!({
                "time": from_micros(tried.time).to_rfc3339(),
                "channel": tried.channel.as_str(),
                "reached": tried.reached,
            })
        });
        let said = history::of_person(&mut ctx.tx, &tenant, id).await?;
        let said = said.iter().map(|(declaration, as_of, probability)| {
            json!({
                "modelDeclaration": declarations::name_of(declaration),
                "asOf": from_micros(*as_of).to_rfc3339(),
                "probability": probability,
            })
        });
        let told = attributes::of(&mut ctx.tx, &tenant, id).await?;
        let told = told.iter().map(|(name, value, known)| {
            json!({ "name": name, "value": value, "knownSince": from_micros(*known).to_rfc3339() })
        });
        held.push(json!({
            "name": name,
            "timeZone": person.time_zone,
            "attributes": told.collect::<Vec<_>>(),
            "attempts": tried.collect::<Vec<_>>(),
            "scores": said.collect::<Vec<_>>(),
        }));
    }
    let part = json!({ "contacts": held }).to_string();
    erasure::report_in_tx(&mut ctx.tx, &outbox, &ctx.envelope, event.person_export, part).await
}
