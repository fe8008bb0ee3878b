//! Erasing a person, and the certificate of it.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use salient_core::{ContactId, ErasureId, Error, Result, TenantId, page};
use salient_events::{Bus, Envelope, SHARDS, erasure, outbox, shard_of};
use salient_kit::Caller;
use salient_proto::profile::v1::{
    Account, ErasePersonResponse, Erasure, Interaction, ListErasuresRequest, Opportunity, PersonErased,
};
use salient_store::Tx;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Privacy, person};
use crate::{
    domain::{Kind, Record, batch::Write},
    events::publish::{self, SOURCE},
    profile::Profile,
    store::{
        self, consents,
        erasures::{self, NewErasure, Removed, Told},
        exports, persons,
    },
    upsert::Request,
};

/// What wakes whoever completes erasures.
pub const CONFIRMED: &str = "erasure.confirmed";
/// How often it looks anyway: another replica may have heard the last confirmation.
const LOOK: Duration = Duration::from_secs(5);
/// Between two looks at whether the streams have passed.
const GLANCE: Duration = Duration::from_millis(100);

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
            let erased = erase_in_tx(&mut tx, profile, tenant, contact, &mut events).await?;
            let now = profile.clock.now_micros();
            let account = erased.account.map(|account| Kind::Account.name(account));
            let event = PersonErased {
                erasure: id.name(),
                contact: name.to_owned(),
                account: account.unwrap_or_default(),
                records: erased.records,
                round: 1,
            };
            let new = NewErasure {
                id,
                contact,
                requester: &caller.subject,
                services: &privacy.services,
                event: &event,
                now,
            };
            erasures::put_in_tx(&mut tx, tenant, &new).await?;
            for (round, removed) in [(1, erased.removed), (2, Removed::new())] {
                let told = Told { round, shard: 0, shard_count: 1 };
                erasures::confirm_in_tx(&mut tx, tenant, id, SOURCE, told, &removed, now).await?;
            }
            events.push(told(profile, tenant, &event)?);
            tx.wake(CONFIRMED);
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

/// The event that tells the other services, in the shard of the account.
fn told(profile: &Profile, tenant: &TenantId, event: &PersonErased) -> Result<Envelope> {
    let contact = ContactId::parse_field("contact", &event.contact)?.uuid();
    let account = Kind::Account.parse("account", &event.account).unwrap_or(contact);
    Ok(Envelope::new(SOURCE, &profile.clock, tenant, shard_of(account.as_bytes()), event))
}

struct Erased {
    account: Option<Uuid>,
    removed: Removed,
    /// Names of the records that spoke of the person.
    records: Vec<String>,
}

/// Erases from this service's tables. Adds to `events` what became of the records that stay.
async fn erase_in_tx(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    contact: Uuid,
    events: &mut Vec<Envelope>,
) -> Result<Erased> {
    let (record, account) = person(tx, tenant, contact).await?;
    let (now, at) = (profile.clock.now_micros(), profile.clock.now());
    let around = account.unwrap_or(Uuid::nil());
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut records = Vec::new();
    macro_rules! forget {
        ($record:ty, $text:path, $kind:literal) => {
            let writes = persons::forget_in_tx::<$record>(tx, $text, tenant, &record, around, now).await?;
            counts.insert($kind, writes.len() as u64);
            records.extend(writes.iter().map(named));
            events.extend(publish::changes(&profile.clock, tenant, &writes));
        };
    }
    forget!(Interaction, persons::INTERACTIONS, "interactions");
    forget!(Opportunity, persons::OPPORTUNITIES, "opportunities");
    forget!(Account, persons::ACCOUNTS, "accounts");
    if let Some(key) = &record.source_key {
        let salt: [u8; 32] = rand::random();
        persons::bury_in_tx(tx, tenant, key, &salt, now).await?;
    }
    persons::close_in_tx(tx, tenant, contact).await?;
    counts.insert("contacts", persons::delete_contact_in_tx(tx, tenant, contact).await?);
    counts.insert("consents", consents::delete_in_tx(tx, tenant, contact).await?);
    counts.insert("exports", exports::delete_of_contact_in_tx(tx, tenant, contact).await?);
    let ids = HashSet::from([contact]);
    erasure::note_in_tx(tx, tenant, &ids, at).await?;
    counts.insert("dead_letters", erasure::scrub_in_tx(tx, tenant, &ids).await?);
    Ok(Erased { account, removed: removed(counts), records })
}

fn named<R: Record>(write: &Write<R>) -> String {
    R::KIND.name(write.id)
}

/// The counts that are not zero.
fn removed(counts: BTreeMap<&str, u64>) -> Removed {
    let some = counts.into_iter().filter(|(_, count)| *count > 0);
    some.map(|(kind, count)| (kind.to_owned(), i64::try_from(count).unwrap_or(i64::MAX))).collect()
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

/// Brings erasures to their end, until `shutdown`. When every service has confirmed, all are told once
/// more; when every service has confirmed that too, everything that was published before the first
/// confirmations has left the outboxes. What is then in the streams is dropped as soon as every group
/// has acknowledged it, and the certificate is complete.
pub async fn complete(privacy: &Privacy, bus: &Bus, shutdown: CancellationToken) {
    let mut signal = privacy.profile.db.signal(CONFIRMED);
    loop {
        let done = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            done = step(privacy, bus) => done,
        };
        if let Err(error) = done {
            tracing::warn!(error = %error.chain(), "erasures not completed, trying again");
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = signal.wait(LOOK) => {}
        }
    }
}

async fn step(privacy: &Privacy, bus: &Bus) -> Result<()> {
    let (db, clock) = (&privacy.profile.db, &privacy.profile.clock);
    let confirmed = erasures::due(&mut db.read().await?, erasures::CONFIRMED).await?;
    for due in confirmed {
        let mut tx = db.begin().await?;
        if erasures::seal_in_tx(&mut tx, &due.tenant, due.id, clock.now_micros()).await? {
            let event = PersonErased { round: 2, ..due.event };
            outbox::publish_in_tx(&mut tx, &[told(&privacy.profile, &due.tenant, &event)?]).await?;
            tx.commit().await?;
        }
    }
    let sealed = erasures::due(&mut db.read().await?, erasures::SEALED).await?;
    if sealed.is_empty() {
        return Ok(());
    }
    drain(privacy, bus).await?;
    let mut tx = db.begin().await?;
    for due in &sealed {
        erasures::complete_in_tx(&mut tx, &due.tenant, due.id, clock.now_micros()).await?;
    }
    tx.commit().await?;
    for due in sealed {
        tracing::info!(erasure = %ErasureId::from_uuid(due.id), tenant = %due.tenant, "erasure completed");
    }
    Ok(())
}

/// Waits until everything that was published before has been read by everybody, and drops it.
async fn drain(privacy: &Privacy, bus: &Bus) -> Result<()> {
    let db = &privacy.profile.db;
    let last = outbox::last(db).await?;
    while !outbox::is_past(db, last).await? {
        tokio::time::sleep(GLANCE).await;
    }
    let mut marks = Vec::new();
    for service in &privacy.services {
        marks.push((service, bus.end(service).await?));
    }
    for (service, mark) in marks {
        while !bus.is_past(service, &mark).await? {
            tokio::time::sleep(GLANCE).await;
        }
    }
    Ok(())
}

/// A service has erased, as one shard of its stream tells.
///
/// # Errors
/// What the store says.
pub async fn confirmed_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    message: salient_proto::common::v1::PersonErasureConfirmed,
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
