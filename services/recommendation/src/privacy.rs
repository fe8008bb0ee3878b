//! What this service holds about people: whom sellers may speak to, and recommendations that name them.

use std::collections::BTreeMap;

use salient_core::{AccountId, ContactId, Result, TenantId};
use salient_events::{
    HandlerCtx, Outbox,
    erasure::{self, How, Traces},
};
use salient_proto::{
    profile::v1::{
        ConsentChanged, PersonErased, PersonExportRequested, PrivacySettingsChanged,
        consent::{Channel as Wire, Purpose, State},
        privacy_settings::UnknownConsent,
    },
    to_json,
};
use serde_json::json;

use crate::{
    domain::{Contact, draft::Channel},
    grpc::convert::{self, time},
    store::{
        self,
        people::{self, Said},
    },
};

/// People agreed to something or took it back; today's lists that it touches are chosen again. Only
/// offers by a seller are this service's business.
pub async fn consent_changed(ctx: &mut HandlerCtx, event: ConsentChanged) -> Result<()> {
    let (tenant, today) = (ctx.envelope.tenant.clone(), ctx.clock.now().date_naive());
    let mut said = Vec::new();
    for consent in event.consents {
        let channel = match consent.channel() {
            Wire::Call => Channel::Call,
            Wire::Email => Channel::Email,
            Wire::Unspecified | Wire::Message | Wire::Post | Wire::Meeting => continue,
        };
        if consent.purpose() != Purpose::Sales {
            continue;
        }
        let at = consent.consent_time.as_ref().and_then(time).unwrap_or_else(|| ctx.clock.now());
        said.push(Said {
            contact: ContactId::parse_field("contact", &consent.contact)?,
            channel,
            granted: consent.state() == State::Granted,
            time: at.timestamp_micros(),
        });
    }
    let people = said.iter().map(|one| one.contact.uuid());
    let erased = erasure::erased_in_tx(&mut ctx.tx, &tenant, people).await?;
    said.retain(|one| !erased.contains(&one.contact.uuid()));
    people::put_consents_in_tx(&mut ctx.tx, &tenant, &said).await?;
    let accounts = people::accounts_of(&mut ctx.tx, &tenant, said.iter().map(|one| one.contact)).await?;
    store::plans::mark_stale_in_tx(&mut ctx.tx, &tenant, today, &accounts).await
}

/// A tenant's rules have changed; all of today's lists are chosen again.
pub async fn settings_changed(ctx: &mut HandlerCtx, event: PrivacySettingsChanged) -> Result<()> {
    let (tenant, today) = (ctx.envelope.tenant.clone(), ctx.clock.now().date_naive());
    let settings = event.settings.unwrap_or_default();
    let permitted = settings.unknown_consent() != UnknownConsent::Forbidden;
    people::put_settings_in_tx(&mut ctx.tx, &tenant, permitted).await?;
    store::plans::mark_all_stale_in_tx(&mut ctx.tx, &tenant, today).await
}

/// A person is erased: recommendations and drafts that name them stay, without them.
pub async fn person_erased(outbox: Outbox, ctx: &mut HandlerCtx, event: PersonErased) -> Result<()> {
    let (tenant, now) = (ctx.envelope.tenant.clone(), ctx.clock.now());
    let contacts = contacts(&event.contacts)?;
    let accounts = accounts(&event.accounts)?;
    let mut traces = Traces::of(&event)?;
    // first: whoever writes drafts that were made before waits or has written
    erasure::note_in_tx(&mut ctx.tx, &tenant, &traces, ctx.envelope.time).await?;
    let (rows, consents) = people::delete_in_tx(&mut ctx.tx, &tenant, &contacts).await?;
    let pools = people::forget_in_pools_in_tx(&mut ctx.tx, &tenant, &contacts).await?;
    let mut named = store::recommendations::of_people(&mut ctx.tx, &tenant, &contacts, &accounts).await?;
    // a comment on any of these may speak of the person, and dead letters hold comments
    traces.add(named.iter().map(|item| item.id.uuid()), How::Mentioned);
    named.retain(|item| people::is_named(item, &contacts));
    store::recommendations::forget_contact_in_tx(&mut ctx.tx, &tenant, &named).await?;
    let touched: Vec<AccountId> = named.iter().map(|item| item.frozen.draft.account).collect();
    store::plans::mark_stale_in_tx(&mut ctx.tx, &tenant, now.date_naive(), &touched).await?;
    erasure::note_in_tx(&mut ctx.tx, &tenant, &traces, ctx.envelope.time).await?;
    let letters = erasure::scrub_in_tx(&mut ctx.tx, &tenant, &traces).await?;
    let removed = BTreeMap::from([
        ("contacts", rows),
        ("consents", consents),
        ("pools", pools),
        ("recommendations", named.len() as u64),
        ("dead_letters", letters),
    ]);
    erasure::confirm_in_tx(&mut ctx.tx, &outbox, &tenant, &event, removed).await
}

/// What is held about a person is collected.
pub async fn person_export_requested(
    outbox: Outbox,
    ctx: &mut HandlerCtx,
    event: PersonExportRequested,
) -> Result<()> {
    let tenant: TenantId = ctx.envelope.tenant.clone();
    let contacts = contacts(&event.contacts)?;
    let accounts = accounts(&event.accounts)?;
    let known = people::contacts(&mut ctx.tx, &tenant, &contacts).await?;
    let known: Vec<_> = known.iter().map(contact_json).collect();
    let said = people::consents(&mut ctx.tx, &tenant, &contacts).await?;
    let said: Vec<_> = said.iter().map(said_json).collect();
    let named = people::naming(&mut ctx.tx, &tenant, &contacts, &accounts).await?;
    let named: Vec<_> = named.into_iter().map(|item| to_json(&convert::recommendation(item))).collect();
    let json = json!({ "contacts": known, "consents": said, "recommendations": named });
    erasure::report_in_tx(&mut ctx.tx, &outbox, &ctx.envelope, event.person_export, json.to_string()).await
}

fn contact_json(contact: &Contact) -> serde_json::Value {
    json!({
        "contact": contact.id.name(),
        "displayName": contact.name,
        "hasPhone": contact.has_phone,
        "hasEmail": contact.has_email,
    })
}

fn said_json(said: &Said) -> serde_json::Value {
    json!({
        "contact": said.contact.name(),
        "channel": said.channel.as_str(),
        "granted": said.granted,
        "consentTime": salient_core::from_micros(said.time).to_rfc3339(),
    })
}

fn contacts(names: &[String]) -> Result<Vec<ContactId>> {
    names.iter().map(|name| ContactId::parse_field("contacts", name)).collect()
}

fn accounts(names: &[String]) -> Result<Vec<AccountId>> {
    names.iter().map(|name| AccountId::parse_field("accounts", name)).collect()
}
