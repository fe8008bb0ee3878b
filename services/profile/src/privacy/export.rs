//! Collecting everything that is held about a person.
//!
//! The other services are asked by an event and answer by one. A call to each would need their
//! addresses, credentials and an answer for the case that one is away; the events have all of that
//! already. What the answers carry is on its way no longer than any other change of a contact.

use chrono::TimeDelta;
use salient_core::{ContactId, Error, PersonExportId, Result, TenantId};
use salient_events::{Envelope, outbox, shard_of};
use salient_kit::Caller;
use salient_proto::{
    profile::v1::{Contact, ExportPersonResponse, PersonExport, PersonExportRequested},
    to_json,
};
use salient_store::Connection;
use serde_json::json;
use uuid::Uuid;

use super::{Individual, Privacy, individual};
use crate::{
    events::publish::SOURCE,
    store::{
        self, Stored as _, consents,
        exports::{self, NewExport},
        matches, merges, persons,
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

/// What this service holds, as JSON.
async fn part(conn: &mut impl Connection, tenant: &TenantId, found: &Individual) -> Result<String> {
    let (person, records) = (found.person(), &found.records);
    let interactions = persons::interactions(conn, tenant, &found.accounts, person.keys()).await?;
    let named: Vec<_> = interactions
        .iter()
        .filter(|(_, record, _)| person.is_named_by(record) || person.stands_in(&record.summary))
        .map(|(_, record, _)| to_json(record))
        .collect();
    // as many as there are: a person says little
    let consents = consents::list(conn, tenant, records, (i64::MAX, Uuid::max()), i64::MAX).await?;
    let consents: Vec<_> = consents.iter().map(|(_, consent)| to_json(consent)).collect();
    let reviews = matches::of_records(conn, tenant, Contact::TABLE, records).await?;
    let reviews: Vec<_> = reviews.iter().map(|pair| to_json(&pair.told)).collect();
    let merges = merges::merges(conn, tenant, Some(records), Uuid::max(), i64::MAX).await?;
    let merges: Vec<_> = merges.iter().map(|edge| to_json(&edge.merge)).collect();
    let part = json!({
        "profile": found.unified.as_ref().map(|unified| to_json(&unified.record)),
        "contacts": found.contacts().iter().map(to_json).collect::<Vec<_>>(),
        "interactions": named,
        "consents": consents,
        "merges": merges,
        "reviews": reviews,
    });
    Ok(part.to_string())
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
