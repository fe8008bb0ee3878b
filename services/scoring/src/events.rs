//! What this service hears of others.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use salient_core::{AccountId, ContactId, InteractionId, OpportunityId, Result, from_micros};
use salient_events::{
    HandlerCtx, Outbox,
    erasure::{self, Traces},
};
use salient_ledger::roots;
use salient_proto::profile::v1::{self as profile, interaction, opportunity};

use serde_json::json;

use crate::store::{
    accounts::{self, AccountEvent, Said},
    contacts,
};

/// Accounts that are new or changed.
pub async fn accounts_changed(ctx: &mut HandlerCtx, event: profile::AccountsChanged) -> Result<()> {
    salient_ledger::put_accounts_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.accounts).await?;
    let said: Vec<Said> =
        event.accounts.iter().map(|account| said(account, ctx.envelope.time)).collect::<Result<_>>()?;
    Ok(accounts::note_attributes_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &said).await?)
}

/// Contacts that are new or changed.
pub async fn contacts_changed(ctx: &mut HandlerCtx, event: profile::ContactsChanged) -> Result<()> {
    contacts::put_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.contacts).await
}

/// What an account says of itself, as its source had it when it last changed there.
fn said(from: &profile::Account, heard: DateTime<Utc>) -> Result<Said> {
    let fields = [
        ("territory", &from.territory),
        ("country", &from.country),
        ("industry", &from.industry),
        ("city", &from.city),
    ];
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    let mut values: BTreeMap<String, String> = from.attributes.clone().into_iter().collect();
    values.extend(fields.map(|(name, value)| (name.to_owned(), value.clone())));
    Ok(Said {
        account: AccountId::parse_field("account", &from.name)?,
        known: micros(from.source_update_time.as_ref()).unwrap_or_else(|| heard.timestamp_micros()),
        values,
    })
}

/// Interactions that are new or changed.
pub async fn interactions_recorded(ctx: &mut HandlerCtx, event: profile::InteractionsRecorded) -> Result<()> {
    let one = |from: &profile::Interaction| {
        let event = AccountEvent {
            record: InteractionId::parse_name(&from.name)?.uuid(),
            kind: kind(from.kind()),
            account: AccountId::parse_field("account", &from.account)?,
            time: micros(from.occur_time.as_ref()).unwrap_or_default(),
            amount: None,
            quantity: Some(from.quantity),
        };
        Result::Ok(event)
    };
    let events = event.interactions.iter().map(one).collect::<Result<Vec<_>>>()?;
    accounts::put_events_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &events).await?;
    contacts::put_attempts_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.interactions).await
}

fn kind(of: interaction::Kind) -> &'static str {
    match of {
        interaction::Kind::Unspecified => "interaction",
        interaction::Kind::Email => "email",
        interaction::Kind::Call => "call",
        interaction::Kind::Meeting => "meeting",
        interaction::Kind::Web => "web_visit",
        interaction::Kind::Marketing => "marketing_touch",
        interaction::Kind::Support => "support_request",
        interaction::Kind::Usage => "usage",
        interaction::Kind::CompetitorSignal => "competitor_signal",
        interaction::Kind::ChatBot => "chat",
        interaction::Kind::IntentSignal => "intent_signal",
    }
}

/// Opportunities that are new or changed.
pub async fn opportunities_changed(ctx: &mut HandlerCtx, event: profile::OpportunitiesChanged) -> Result<()> {
    let mut events = Vec::with_capacity(2 * event.opportunities.len());
    for from in &event.opportunities {
        let opened = AccountEvent {
            record: OpportunityId::parse_name(&from.name)?.uuid(),
            kind: "opportunity",
            account: AccountId::parse_field("account", &from.account)?,
            time: micros(from.open_time.as_ref()).unwrap_or_default(),
            amount: from.amount.as_ref().map(|amount| amount.minor_units as f64),
            quantity: None,
        };
        let closed = micros(from.close_time.as_ref()).or_else(|| micros(from.update_time.as_ref()));
        let ended = match from.state() {
            opportunity::State::Won => Some("won_opportunity"),
            opportunity::State::Lost => Some("lost_opportunity"),
            _ => None,
        };
        let end = ended.zip(closed).map(|(kind, time)| AccountEvent { kind, time, ..opened.clone() });
        events.extend([opened].into_iter().chain(end));
    }
    Ok(accounts::put_events_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &events).await?)
}

fn micros(at: Option<&prost_types::Timestamp>) -> Option<i64> {
    at.map(|at| at.seconds.saturating_mul(1_000_000) + i64::from(at.nanos / 1_000))
}

/// Orders that are new or changed.
pub async fn orders_recorded(ctx: &mut HandlerCtx, event: profile::OrdersRecorded) -> Result<()> {
    salient_ledger::put_orders_in_tx(&mut ctx.tx, &ctx.envelope.tenant, event.orders).await
}

/// Accounts were merged, or are themselves again.
pub async fn profiles_resolved(ctx: &mut HandlerCtx, event: profile::ProfilesResolved) -> Result<()> {
    roots::put_in_tx(&mut ctx.tx, &ctx.envelope.tenant, &event.roots).await.map(drop)
}

/// A person is erased. Scores are of accounts; what an account said of itself may have named the person.
/// Where it did, it was told anew without before this event, and what it said earlier is forgotten, with
/// the scores that were made of it.
pub async fn person_erased(outbox: Outbox, ctx: &mut HandlerCtx, event: profile::PersonErased) -> Result<()> {
    let tenant = ctx.envelope.tenant.clone();
    let traces = Traces::of(&event)?;
    erasure::note_in_tx(&mut ctx.tx, &tenant, &traces, ctx.envelope.time).await?;
    let letters = erasure::scrub_in_tx(&mut ctx.tx, &tenant, &traces).await?;
    let named = event.records.iter().filter(|name| name.starts_with("accounts/"));
    let named = named.map(|name| AccountId::parse_name(name)).collect::<Result<Vec<_>>>()?;
    let texts = accounts::forget_in_tx(&mut ctx.tx, &tenant, &named).await?;
    let people = event.contacts.iter().map(|name| ContactId::parse_name(name).map(ContactId::uuid));
    let people = people.collect::<Result<Vec<_>>>()?;
    let (people, attempts) = contacts::delete_in_tx(&mut ctx.tx, &tenant, &people).await?;
    let removed = BTreeMap::from([
        ("account_attributes", texts),
        ("contact_attempts", attempts),
        ("contacts", people),
        ("dead_letters", letters),
    ]);
    erasure::confirm_in_tx(&mut ctx.tx, &outbox, &tenant, &event, removed).await
}

/// What is held about a person is collected: where they live, and when they were tried.
pub async fn person_export_requested(
    outbox: Outbox,
    ctx: &mut HandlerCtx,
    event: profile::PersonExportRequested,
) -> Result<()> {
    let tenant = ctx.envelope.tenant.clone();
    let mut held = Vec::new();
    for name in &event.contacts {
        let Some(person) = contacts::get(&mut ctx.tx, &tenant, ContactId::parse_name(name)?).await? else {
            continue;
        };
        let tried = contacts::attempts_of(&mut ctx.tx, &tenant, &person).await?;
        let tried = tried.iter().map(|tried| {
            json!({
                "time": from_micros(tried.time).to_rfc3339(),
                "channel": tried.channel.as_str(),
                "reached": tried.reached,
            })
        });
        held.push(json!({
            "name": name,
            "timeZone": person.time_zone,
            "attempts": tried.collect::<Vec<_>>(),
        }));
    }
    let part = json!({ "contacts": held }).to_string();
    erasure::report_in_tx(&mut ctx.tx, &outbox, &ctx.envelope, event.person_export, part).await
}
