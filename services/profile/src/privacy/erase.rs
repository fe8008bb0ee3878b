//! Erasing a person, and the certificate of it.

use salient_core::{ContactId, ErasureId, Error, Result, TenantId, page};
use salient_events::{Envelope, SHARDS, outbox, shard_of};
use salient_kit::Caller;
use salient_proto::{
    common::v1::PersonErasureConfirmed,
    profile::v1::{ErasePersonResponse, Erasure, ListErasuresRequest, PersonErased},
};
use salient_store::Tx;
use uuid::Uuid;

use super::{Privacy, forget::forget_in_tx, individual};
use crate::{
    domain::Kind,
    events::publish::SOURCE,
    profile::Profile,
    store::{
        self,
        erasures::{self, NewErasure, Removed, Told},
    },
    upsert::Request,
};

/// What wakes whoever completes erasures.
pub const CONFIRMED: &str = "erasure.confirmed";

/// Erases a person from this service and asks the others to; gives the certificate as it stands.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `REQUEST_ID_REUSED`, or what the store says.
pub async fn erase(privacy: &Privacy, caller: &Caller, request: Request, name: &str) -> Result<Erasure> {
    let (profile, tenant) = (&privacy.profile, request.tenant());
    let contact = ContactId::parse_field("contact", name)?.uuid();
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, tenant).await?;
    if let Some(ErasePersonResponse { erasure: Some(erasure) }) = request.answered_in_tx(&mut tx).await? {
        return Ok(erasure);
    }
    let mut events = Vec::new();
    let certificate = match erasures::of_contact(&mut tx, tenant, contact).await? {
        Some(before) => before,
        None => {
            let id = ErasureId::new(&profile.clock);
            events = begin_in_tx(&mut tx, privacy, tenant, (id, contact), &caller.subject).await?;
            erasures::get(&mut tx, tenant, id).await?.ok_or_else(|| Error::not_found(id))?
        }
    };
    let answer = ErasePersonResponse { erasure: Some(certificate.clone()) };
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    outbox::publish_in_tx(&mut tx, &events).await?;
    tx.commit().await?;
    tracing::info!(erasure = certificate.name, "person erased from this service");
    Ok(certificate)
}

/// Erases from this service, and begins the certificate; returns what others hear.
async fn begin_in_tx(
    tx: &mut Tx,
    privacy: &Privacy,
    tenant: &TenantId,
    (id, contact): (ErasureId, Uuid),
    requester: &str,
) -> Result<Vec<Envelope>> {
    let profile = &privacy.profile;
    let found = individual(tx, tenant, contact).await?;
    let forgotten = forget_in_tx(tx, profile, tenant, &found).await?;
    let event = PersonErased {
        erasure: id.name(),
        contacts: found.names(),
        accounts: found.account_names(),
        records: forgotten.records,
        round: 1,
    };
    let now = profile.clock.now_micros();
    let new = NewErasure {
        id,
        contact: found.id,
        records: &found.records,
        requester,
        services: &privacy.services,
        event: &event,
        now,
    };
    erasures::put_in_tx(tx, tenant, &new).await?;
    for (round, removed) in [(1, forgotten.removed), (2, Removed::new())] {
        let told = Told { round, shard: 0, shard_count: 1 };
        erasures::confirm_in_tx(tx, tenant, id, SOURCE, told, &removed, now).await?;
    }
    tx.wake(CONFIRMED);
    let mut events = forgotten.events;
    events.push(told(profile, tenant, &event, found.shard_key()));
    Ok(events)
}

/// The event that tells the other services, in the shard of the account.
fn told(profile: &Profile, tenant: &TenantId, event: &PersonErased, key: Uuid) -> Envelope {
    Envelope::new(SOURCE, &profile.clock, tenant, shard_of(key.as_bytes()), event)
}

/// Tells the other services once more.
///
/// # Errors
/// What the store says.
pub(super) async fn tell_again_in_tx(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    event: PersonErased,
) -> Result<()> {
    let first = event.accounts.first().map(|name| Kind::Account.parse("accounts", name));
    let contact = event.contacts.first().map(|name| Kind::Contact.parse("contacts", name));
    let key = first.or(contact).transpose()?.unwrap_or_default();
    let event = PersonErased { round: 2, ..event };
    outbox::publish_in_tx(tx, &[told(profile, tenant, &event, key)]).await
}

/// A certificate.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, or what the store says.
pub async fn get(privacy: &Privacy, tenant: &TenantId, name: &str) -> Result<Erasure> {
    let id = ErasureId::parse_name(name)?;
    let found = erasures::get(&mut privacy.profile.db.read().await?, tenant, id).await?;
    found.ok_or_else(|| Error::not_found(name))
}

/// A page of certificates, newest first, and the token of the next page.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list(
    privacy: &Privacy,
    tenant: &TenantId,
    request: &ListErasuresRequest,
) -> Result<(Vec<Erasure>, String)> {
    let page = page::page(request.page_size, &request.page_token, &["erasures", tenant.as_str()])?;
    let before = page.key()?.unwrap_or(Uuid::max());
    let mut conn = privacy.profile.db.read().await?;
    let found = erasures::list(&mut conn, tenant, before, page.limit()).await?;
    Ok(page
        .cut(found, |erasure| ErasureId::parse_name(&erasure.name).map(ErasureId::uuid).unwrap_or_default()))
}

/// A service has erased, as one shard of its stream tells.
///
/// # Errors
/// What the store says.
pub async fn confirmed_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    message: PersonErasureConfirmed,
    now: i64,
) -> Result<()> {
    let id = ErasureId::parse_field("erasure", &message.erasure)?;
    let told = Told {
        round: message.round,
        shard: u32::try_from(message.shard).unwrap_or_default(),
        shard_count: u32::try_from(message.shard_count).unwrap_or(u32::from(SHARDS)),
    };
    tx.wake(CONFIRMED);
    erasures::confirm_in_tx(tx, tenant, id, &message.service, told, &message.removed, now).await
}
