//! Erasing a person from what is kept of events.
//!
//! ```text
//! profile: erases its own, PersonErased ──► every service, in one transaction:
//!            notes the ids, erases its own, scrubs its dead letters
//!            PersonErasureConfirmed in every shard ──► profile: when all shards of all services
//!                                                      are in, the same once more, then the
//!                                                      streams are trimmed: the certificate is
//!                                                      complete
//! ```
//!
//! Order does not matter, because an erased id is never used again: [`erased_in_tx`] lets a handler
//! leave out whoever comes late from another shard, and a dead letter is kept without the records
//! that speak of one.
//!
//! The confirmation stands in every shard of the service's stream, behind whatever the service had
//! said of the person before. An event may arrive before its row has left the outbox; that is what
//! the second round is for: its confirmation is published when the batch with the first is gone.
//!
//! # How a service erases
//! Handle `salient.profile.v1.PersonErased` in one transaction: [`note_in_tx`] first (it waits for
//! those who write what names persons), then the service's own tables, [`scrub_in_tx`], and
//! [`confirm_in_tx`]. Whoever writes a person's data from something read earlier asks
//! [`erased_in_tx`] in the writing transaction.

use std::collections::{BTreeMap, HashSet};

use bytes::{Buf as _, Bytes};
use chrono::{DateTime, Utc};
use prost::encoding::{WireType, decode_key, decode_varint};
use salient_core::{Error, Result, TenantId};
use salient_proto::{
    common::v1::{PersonDataReported, PersonErasureConfirmed},
    profile::v1::PersonErased,
};
use salient_store::{Connection as _, Engine, Rows, Tx, sql};
use uuid::Uuid;

use crate::{
    envelope::{Envelope, SHARDS},
    outbox::Outbox,
};

/// Characters of a UUID as text.
const UUID_LENGTH: usize = 36;

/// Notes that these ids belong to somebody who is erased. From here to the end of the transaction
/// nobody else is between [`erased_in_tx`] and its commit.
///
/// # Errors
/// What the store says.
pub async fn note_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: &HashSet<Uuid>,
    now: DateTime<Utc>,
) -> Result<()> {
    lock_in_tx(tx, tenant, "select pg_advisory_xact_lock(hashtextextended('events.erasure.' || $1, 0))")
        .await?;
    let mut sorted: Vec<Uuid> = ids.iter().copied().collect();
    sorted.sort_unstable();
    sql("insert into erased_ids (tenant, id, erase_time)
         select $1, id, $2 from {rows} where true on conflict (tenant, id) do nothing")
    .bind(tenant)
    .bind(now)
    .rows(Rows::new().uuid("id", sorted))
    .execute(tx)
    .await?;
    Ok(())
}

/// Waits for erasures on their way; nobody more is erased until the transaction ends, so what it reads
/// of people it may write.
///
/// # Errors
/// What the store says.
pub async fn hold_in_tx(tx: &mut Tx, tenant: &TenantId) -> Result<()> {
    let shared = "select pg_advisory_xact_lock_shared(hashtextextended('events.erasure.' || $1, 0))";
    lock_in_tx(tx, tenant, shared).await
}

/// Which of `ids` were erased, after [`hold_in_tx`].
///
/// # Errors
/// What the store says.
pub async fn erased_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashSet<Uuid>> {
    hold_in_tx(tx, tenant).await?;
    let found: Vec<(Uuid,)> =
        sql("select distinct e.id from {rows} join erased_ids e on e.id = rows.id where e.tenant = $1")
            .bind(tenant)
            .rows(Rows::new().uuid("id", ids))
            .fetch_all(tx)
            .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// SQLite has one writer, who is alone anyway.
async fn lock_in_tx(tx: &mut Tx, tenant: &TenantId, text: &'static str) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        sql(text).bind(tenant).execute(tx).await?;
    }
    Ok(())
}

/// Takes the records that speak of one of `ids` out of the tenant's dead letters, and the letters
/// that have no others; says how many letters that were.
///
/// # Errors
/// What the store says.
pub async fn scrub_in_tx(tx: &mut Tx, tenant: &TenantId, ids: &HashSet<Uuid>) -> Result<u64> {
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    let text = "select consumer, id, data from dead_letters where tenant = $1 {for_update}";
    sql(text)
        .bind(tenant)
        .for_each(tx, |(consumer, id, data): (String, Uuid, Vec<u8>)| {
            if speaks_of(&data, ids) {
                match without(&data, ids) {
                    Some(rest) => changed.push((consumer, id, rest)),
                    None => gone.push((consumer, id)),
                }
            }
        })
        .await?;
    let scrubbed = gone.len() + changed.len();
    sql("delete from dead_letters where tenant = $1 and (consumer, id) in (select consumer, id from {rows})")
        .bind(tenant)
        .rows(
            Rows::new()
                .text("consumer", gone.iter().map(|(consumer, _)| consumer.as_str()))
                .uuid("id", gone.iter().map(|(_, id)| *id)),
        )
        .execute(tx)
        .await?;
    for (consumer, id, data) in changed {
        // The error may quote what it did not like.
        sql("update dead_letters set data = $4, error = 'erased' where tenant = $1 and consumer = $2 and id = $3")
            .bind(tenant)
            .bind(consumer)
            .bind(id)
            .bind(data)
            .execute(tx)
            .await?;
    }
    Ok(scrubbed as u64)
}

/// The payload of an event as it may be kept now; `None` if it speaks of the erased only.
pub(crate) async fn kept_in_tx(tx: &mut Tx, event: &Envelope) -> Result<Option<Bytes>> {
    let mentioned: HashSet<Uuid> = ids_in(&event.data).collect();
    let erased = erased_in_tx(tx, &event.tenant, mentioned).await?;
    if erased.is_empty() {
        return Ok(Some(event.data.clone()));
    }
    Ok(without(&event.data, &erased).map(Bytes::from))
}

/// The ids that an erasure names: the person's, and those of the records that spoke of the person.
///
/// # Errors
/// FIELD_INVALID if one of the names ends in none.
pub fn ids_of(event: &PersonErased) -> Result<HashSet<Uuid>> {
    let id = |name: &String| {
        let id = name.rsplit('/').next().and_then(|id| Uuid::try_parse(id).ok());
        id.ok_or_else(|| Error::field("records", "names that end in a UUID are accepted"))
    };
    event.records.iter().chain([&event.contact]).map(id).collect()
}

/// Tells that this service has erased, behind everything that it published before. `removed` counts
/// what was removed or emptied, by kind of record.
///
/// # Errors
/// What the store says.
pub async fn confirm_in_tx(
    tx: &mut Tx,
    outbox: &Outbox,
    tenant: &TenantId,
    event: &PersonErased,
    removed: BTreeMap<&str, u64>,
) -> Result<()> {
    let some = removed.into_iter().filter(|(_, count)| *count > 0);
    let removed: BTreeMap<String, i64> =
        some.map(|(kind, count)| (kind.to_owned(), i64::try_from(count).unwrap_or(i64::MAX))).collect();
    let events: Vec<Envelope> = (0..SHARDS)
        .map(|shard| {
            let message = PersonErasureConfirmed {
                erasure: event.erasure.clone(),
                service: outbox.source().to_owned(),
                shard: i32::from(shard),
                shard_count: i32::from(SHARDS),
                removed: removed.clone(),
                round: event.round,
            };
            outbox.event(tenant, shard, &message)
        })
        .collect();
    outbox.publish_in_tx(tx, &events).await
}

/// Answers what this service holds about a person: `json` is an object with a list for each kind of
/// record. `shard` is that of the request.
///
/// # Errors
/// What the store says.
pub async fn report_in_tx(
    tx: &mut Tx,
    outbox: &Outbox,
    event: &Envelope,
    person_export: String,
    json: String,
) -> Result<()> {
    let message = PersonDataReported { person_export, service: outbox.source().to_owned(), json };
    outbox.publish_in_tx(tx, &[outbox.event(&event.tenant, event.shard, &message)]).await
}

/// Whether `data` holds one of `ids` as text.
#[must_use]
pub fn speaks_of(data: &[u8], ids: &HashSet<Uuid>) -> bool {
    ids_in(data).any(|id| ids.contains(&id))
}

/// Every UUID that stands in `data` as text, as in resource names.
fn ids_in(data: &[u8]) -> impl Iterator<Item = Uuid> {
    let looks = |window: &&[u8]| [8, 13, 18, 23].iter().all(|place| window[*place] == b'-');
    data.windows(UUID_LENGTH).filter(looks).filter_map(|window| Uuid::try_parse_ascii(window).ok())
}

/// An event is a batch: the elements of one repeated field, one after the other. Those that speak of
/// `ids` are left out; `None` if no other is left, or the payload is no batch.
fn without(data: &[u8], ids: &HashSet<Uuid>) -> Option<Vec<u8>> {
    let (mut rest, mut kept) = (data, Vec::new());
    while !rest.is_empty() {
        let begin = rest;
        let (_, wire) = decode_key(&mut rest).ok()?;
        let length = match wire {
            WireType::LengthDelimited => usize::try_from(decode_varint(&mut rest).ok()?).ok()?,
            _ => return None,
        };
        let element = rest.get(..length)?;
        rest.advance(length);
        if !speaks_of(element, ids) {
            kept.extend_from_slice(&begin[..begin.len() - rest.len()]);
        }
    }
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use salient_proto::profile::v1::{Contact, ContactsChanged};

    use super::*;

    fn contact(id: Uuid, name: &str) -> Contact {
        Contact { name: format!("contacts/{id}"), display_name: name.to_owned(), ..Contact::default() }
    }

    #[test]
    fn only_what_speaks_of_the_erased_goes() {
        let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let batch = ContactsChanged { contacts: vec![contact(one, "Ada"), contact(other, "Bob")] };
        let data = batch.encode_to_vec();
        assert!(speaks_of(&data, &HashSet::from([one])));
        assert!(!speaks_of(&data, &HashSet::from([Uuid::from_u128(3)])));
        let rest = without(&data, &HashSet::from([one])).unwrap();
        assert_eq!(ContactsChanged::decode(rest.as_slice()).unwrap().contacts, [contact(other, "Bob")]);
        assert_eq!(without(&data, &HashSet::from([one, other])), None);
        // what cannot be read cannot be told apart
        assert_eq!(without(&data[..data.len() - 1], &HashSet::from([one])), None);
    }
}
