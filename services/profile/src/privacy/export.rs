//! Collecting everything that is held about a person.
//!
//! The other services are asked by an event and answer by one. A call to each would need their
//! addresses, credentials and an answer for the case that one is away; the events have all of that
//! already. What the answers carry is on its way no longer than any other change of a contact.

use chrono::TimeDelta;
use prost::{Message, Name};
use salient_core::{ContactId, Error, PersonExportId, Result, TenantId};
use salient_events::{Envelope, outbox, shard_of};
use salient_kit::Caller;
use salient_proto::{
    profile::v1::{
        Account, Contact, Device, ExportPersonResponse, Merge, PersonExport, PersonExportRequested, Review,
    },
    to_json,
};
use salient_store::Connection;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Individual, Privacy, individual};
use crate::{
    domain::{
        Kind,
        person::{Forget, Person},
    },
    events::publish::SOURCE,
    store::{
        self, Stored as _, changes, consents,
        exports::{self, NewExport},
        identity, matches, merges as edges,
        persons::{self, Near},
        usage,
    },
    upsert::Request,
};

/// How long an export is kept.
const KEPT: TimeDelta = TimeDelta::days(7);

/// Begins an export: this service's part is there at once, the others are asked.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `REQUEST_ID_REUSED`, or what the store says.
pub async fn begin(
    privacy: &Privacy,
    caller: &Caller,
    request: Request,
    contact: &str,
) -> Result<PersonExport> {
    let profile = &privacy.profile;
    let tenant = request.tenant();
    let contact = ContactId::parse_field("contact", contact)?.uuid();
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, tenant).await?;
    // the answer that is kept holds no part: parts are deleted with the person
    if let Some(ExportPersonResponse { export: Some(export) }) = request.answered_in_tx(&mut tx).await? {
        return Ok(export);
    }
    let found = individual(&mut tx, tenant, contact).await?;
    let id = PersonExportId::new(&profile.clock);
    let now = profile.clock.now();
    let new = NewExport {
        id,
        contact: found.id,
        requester: &caller.subject,
        services: &privacy.services,
        create_time: now.timestamp_micros(),
        expire_time: (now + KEPT).timestamp_micros(),
    };
    let own = part(&mut tx, tenant, &found).await?;
    exports::put_in_tx(&mut tx, tenant, &new).await?;
    exports::report_in_tx(&mut tx, tenant, id, SOURCE, &own, new.create_time).await?;
    let message = PersonExportRequested {
        person_export: id.name(),
        contacts: found.names(),
        accounts: found.account_names(),
    };
    let shard = shard_of(found.shard_key().as_bytes());
    let event = Envelope::new(SOURCE, &profile.clock, tenant, shard, &message);
    let begun = exports::get(&mut tx, tenant, id, new.create_time).await?;
    let mut begun = begun.ok_or_else(|| Error::not_found(id))?;
    begun.parts.clear();
    request.answer_in_tx(&mut tx, &ExportPersonResponse { export: Some(begun.clone()) }, profile).await?;
    outbox::publish_in_tx(&mut tx, &[event]).await?;
    tx.commit().await?;
    Ok(begun)
}

/// What this service holds, as JSON: what an erasure would delete, and of the rest what it would take
/// the person out of.
async fn part(conn: &mut impl Connection, tenant: &TenantId, found: &Individual) -> Result<String> {
    let (person, records, accounts) = (found.person(), &found.records, &found.accounts);
    let interactions = persons::interactions(conn, tenant, accounts, person.keys()).await?;
    let opportunities = persons::opportunities(conn, tenant, accounts).await?;
    let changes = changes::at_accounts(conn, tenant, accounts).await?;
    let devices = usage::list_devices_at(conn, tenant, accounts, Uuid::nil(), i64::MAX).await?;
    let attributes = attributes(conn, tenant, accounts, &person).await?;
    let pins = pins(conn, tenant, accounts, &person).await?;
    // as many as there are: a person says little
    let consents = consents::list(conn, tenant, records, (i64::MAX, Uuid::max()), i64::MAX).await?;
    let mut reviewed = reviews(conn, tenant, Contact::TABLE, records).await?;
    reviewed.extend(speaking(&person, reviews(conn, tenant, Account::TABLE, accounts).await?));
    let mut merged = merges(conn, tenant, records).await?;
    merged.extend(speaking(&person, merges(conn, tenant, accounts).await?));
    let part = json!({
        "profile": found.unified.as_ref().map(|unified| to_json(&unified.record)),
        "contacts": all(found.contacts()),
        "interactions": all(speaking(&person, contents(interactions))),
        "opportunities": all(speaking(&person, contents(opportunities))),
        "opportunityChanges": all(speaking(&person, changes.into_iter().map(|(_, change)| change))),
        "accounts": all(attributes),
        "pins": pins,
        "devices": all(speaking(&person, devices).map(Device::from)),
        "consents": all(consents.into_iter().map(|(_, consent)| consent)),
        "merges": all(merged),
        "reviews": all(reviewed),
    });
    Ok(part.to_string())
}

/// Those that speak of the person, by what an erasure goes by.
fn speaking<R: Forget + Clone>(
    person: &Person,
    records: impl IntoIterator<Item = R>,
) -> impl Iterator<Item = R> {
    records.into_iter().filter(move |record| record.clone().forget(person))
}

fn contents<R>(found: Vec<Near<R>>) -> impl Iterator<Item = R> {
    found.into_iter().map(|(_, record, _)| record)
}

fn all<M: Message + Name>(records: impl IntoIterator<Item = M>) -> Vec<Value> {
    records.into_iter().map(|record| to_json(&record)).collect()
}

/// Of accounts only the attributes that speak of the person: the rest is the company's.
async fn attributes(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
    person: &Person,
) -> Result<Vec<Account>> {
    let found = speaking(person, contents(persons::accounts(conn, tenant, accounts).await?));
    let speaking = found.map(|Account { name, mut attributes, .. }| {
        attributes.retain(|_, value| person.stands_in(value));
        Account { name, attributes, ..Account::default() }
    });
    Ok(speaking.collect())
}

/// What persons fixed for accounts and that speaks of the person.
async fn pins(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
    person: &Person,
) -> Result<Vec<Value>> {
    let found = identity::pins::<Account>(conn, tenant, accounts.iter().copied()).await?;
    let pins = found.into_iter().flat_map(|(id, pins)| pins.into_iter().map(move |pin| (id, pin)));
    let speaking = pins.filter(|(_, pin)| person.stands_in(&pin.value));
    let told = speaking.map(
        |(id, pin)| json!({ "account": Kind::Account.name(id), "field": pin.field, "value": pin.value }),
    );
    Ok(told.collect())
}

async fn reviews(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: &str,
    records: &[Uuid],
) -> Result<Vec<Review>> {
    let pairs = matches::of_records(conn, tenant, kind, records).await?;
    Ok(pairs.into_iter().map(|pair| pair.told).collect())
}

async fn merges(conn: &mut impl Connection, tenant: &TenantId, records: &[Uuid]) -> Result<Vec<Merge>> {
    let found = edges::merges(conn, tenant, Some(records), Uuid::max(), i64::MAX).await?;
    Ok(found.into_iter().map(|edge| edge.merge).collect())
}

/// An export, with the parts that have come in.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, or what the store says.
pub async fn get(privacy: &Privacy, tenant: &TenantId, name: &str) -> Result<PersonExport> {
    let id = PersonExportId::parse_name(name)?;
    let now = privacy.profile.clock.now_micros();
    let found = exports::get(&mut privacy.profile.db.read().await?, tenant, id, now).await?;
    found.ok_or_else(|| Error::not_found(name))
}
