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
//! Order does not matter, because the id of an erased person is never used again: [`erased_in_tx`]
//! lets a handler leave out whoever comes late from another shard, and a dead letter is kept without
//! the records that speak of one. Records that spoke of the person live on ([`How`]): of them only
//! what was published before goes.
//!
//! The confirmation stands in every shard of the service's stream, behind whatever the service had
//! said of the person before. An event may arrive before its row has left the outbox; that is what
//! the second round is for: its confirmation is published when the batch with the first is gone.
//!
//! # How a service erases
//! Handle `salient.profile.v1.PersonErased` in one transaction: [`note_in_tx`] of its [`Traces`] first
//! (it waits for those who write what names persons), then the service's own tables, [`scrub_in_tx`],
//! and [`confirm_in_tx`]. Whoever writes a person's data from something read earlier asks
//! [`erased_in_tx`] in the writing transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::{Buf as _, Bytes};
use chrono::{DateTime, Utc};
use prost::encoding::{WireType, decode_key, decode_varint};
use salient_core::{Error, Result, TenantId};
use salient_proto::{
    common::v1::{PersonDataReported, PersonErasureConfirmed},
    profile::v1::PersonErased,
};
use salient_store::{Connection, Engine, Rows, Tx, sql};
use uuid::Uuid;

use crate::{
    envelope::{Envelope, SHARDS},
    outbox::Outbox,
};

/// What a dead letter says instead of its error, which may quote what it did not like.
pub(crate) const ERASED: &str = "erased";
/// Characters of a UUID as text.
const UUID_LENGTH: usize = 36;
/// The key of the field that has a record's own name: the first of every resource.
const NAME: u8 = 0x0a;
/// Bytes in which the own name of a record stands, if it has one.
const NAME_LENGTH: usize = 64;

/// What about an id speaks of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is a record of the person: whatever mentions it, at any time.
    Person,
    /// It is a record that spoke of the person, and what mentions it may do so as well.
    Mentioned,
    /// It is a record that spoke of the person; what mentions it does not.
    Itself,
}

impl How {
    fn number(self) -> i64 {
        match self {
            Self::Person => 1,
            Self::Mentioned => 2,
            Self::Itself => 3,
        }
    }

    fn of(number: i64) -> Self {
        [Self::Mentioned, Self::Itself].into_iter().find(|how| how.number() == number).unwrap_or(Self::Person)
    }
}

/// The ids that an erasure names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces(HashMap<Uuid, How>);

impl Traces {
    /// Those that an event names. Much that is not personal mentions an account, so of accounts only
    /// their own content is taken to speak of the person.
    ///
    /// # Errors
    /// FIELD_INVALID if one of the names ends in none.
    pub fn of(event: &PersonErased) -> Result<Self> {
        let mut traces = Self::default();
        for (names, others) in [(&event.contacts, How::Person), (&event.records, How::Mentioned)] {
            for name in names {
                let (collection, id) = name.split_once('/').unwrap_or_default();
                let id = Uuid::try_parse(id)
                    .map_err(|_| Error::field("records", "names that end in a UUID are accepted"))?;
                traces.add([id], if collection == "accounts" { How::Itself } else { others });
            }
        }
        Ok(traces)
    }

    /// Adds ids.
    pub fn add(&mut self, ids: impl IntoIterator<Item = Uuid>, how: How) {
        self.0.extend(ids.into_iter().map(|id| (id, how)));
    }

    /// Whether `data`, a record or any other message, mentions the person or a record that spoke of
    /// the person.
    #[must_use]
    pub fn are_mentioned_in(&self, data: &[u8]) -> bool {
        ids_in(data).any(|id| self.0.get(&id).is_some_and(|how| *how != How::Itself))
    }

    /// Whether a record of a batch speaks of the person: by what it mentions, or by what it is.
    fn speak_in(&self, record: &[u8]) -> bool {
        let head = &record[..NAME_LENGTH.min(record.len())];
        let own = ids_in(head).next().filter(|_| head.first() == Some(&NAME));
        own.is_some_and(|id| self.0.contains_key(&id)) || self.are_mentioned_in(record)
    }
}

/// Notes what is erased. From here to the end of the transaction nobody else is between
/// [`erased_in_tx`] and its commit. `time` is that of the event which told of the erasure.
///
/// # Errors
/// What the store says.
pub async fn note_in_tx(tx: &mut Tx, tenant: &TenantId, traces: &Traces, time: DateTime<Utc>) -> Result<()> {
    lock_in_tx(tx, tenant, "select pg_advisory_xact_lock(hashtextextended('events.erasure.' || $1, 0))")
        .await?;
    let mut sorted: Vec<(Uuid, How)> = traces.0.iter().map(|(id, how)| (*id, *how)).collect();
    sorted.sort_unstable_by_key(|(id, _)| *id);
    sql("insert into erased_ids (tenant, id, how, erase_time)
         select $1, id, how, $2 from {rows} where true
         on conflict (tenant, id) do update set erase_time = excluded.erase_time")
    .bind(tenant)
    .bind(time)
    .rows(
        Rows::new()
            .uuid("id", sorted.iter().map(|(id, _)| *id))
            .int("how", sorted.iter().map(|(_, how)| how.number())),
    )
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

/// Every id that erasures named.
///
/// # Errors
/// What the store says.
pub async fn noted(conn: &mut impl Connection, tenant: &TenantId) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> =
        sql("select id from erased_ids where tenant = $1").bind(tenant).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Which of `ids` belong to persons who were erased, after [`hold_in_tx`].
///
/// # Errors
/// What the store says.
pub async fn erased_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashSet<Uuid>> {
    hold_in_tx(tx, tenant).await?;
    let found: Vec<(Uuid,)> = sql("select distinct e.id from {rows} join erased_ids e on e.id = rows.id
         where e.tenant = $1 and e.how = $2")
    .bind(tenant)
    .bind(How::Person.number())
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

/// Takes the records that speak of the person out of the tenant's dead letters, and the letters that
/// have no others; says how many letters that were.
///
/// # Errors
/// What the store says.
pub async fn scrub_in_tx(tx: &mut Tx, tenant: &TenantId, traces: &Traces) -> Result<u64> {
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    let text = "select consumer, id, data from dead_letters where tenant = $1 {for_update}";
    sql(text)
        .bind(tenant)
        .for_each(tx, |(consumer, id, data): (String, Uuid, Vec<u8>)| match without(&data, traces) {
            Some(rest) if rest.len() == data.len() => {}
            Some(rest) => changed.push((consumer, id, rest)),
            None => gone.push((consumer, id)),
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
        sql("update dead_letters set data = $4, error = $5 where tenant = $1 and consumer = $2 and id = $3")
            .bind(tenant)
            .bind(consumer)
            .bind(id)
            .bind(data)
            .bind(ERASED)
            .execute(tx)
            .await?;
    }
    Ok(scrubbed as u64)
}

/// The payload of an event as it may be kept now; `None` if it speaks of the erased only.
pub(crate) async fn kept_in_tx(tx: &mut Tx, event: &Envelope) -> Result<Option<Bytes>> {
    hold_in_tx(tx, &event.tenant).await?;
    let mentioned: HashSet<Uuid> = ids_in(&event.data).collect();
    let found: Vec<(Uuid, i64)> = sql("select e.id, e.how from {rows} join erased_ids e on e.id = rows.id
         where e.tenant = $1 and (e.how = $2 or e.erase_time >= $3)")
    .bind(&event.tenant)
    .bind(How::Person.number())
    .bind(event.time)
    .rows(Rows::new().uuid("id", mentioned))
    .fetch_all(tx)
    .await?;
    let traces = Traces(found.into_iter().map(|(id, how)| (id, How::of(how))).collect());
    Ok(without(&event.data, &traces).map(Bytes::from))
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

/// Every UUID that stands in `data` as text, as in resource names.
fn ids_in(data: &[u8]) -> impl Iterator<Item = Uuid> {
    let looks = |window: &&[u8]| [8, 13, 18, 23].iter().all(|place| window[*place] == b'-');
    data.windows(UUID_LENGTH).filter(looks).filter_map(|window| Uuid::try_parse_ascii(window).ok())
}

/// An event is a batch: the elements of one repeated field, one after the other. Those that speak of
/// the person are left out; `None` if no other is left, or if the payload is no batch and cannot be told
/// apart.
fn without(data: &[u8], traces: &Traces) -> Option<Vec<u8>> {
    if !ids_in(data).any(|id| traces.0.contains_key(&id)) {
        return Some(data.to_vec());
    }
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
        if !traces.speak_in(element) {
            kept.extend_from_slice(&begin[..begin.len() - rest.len()]);
        }
    }
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use salient_proto::profile::v1::{Account, AccountsChanged, Contact, ContactsChanged};

    use super::*;

    fn contact(id: Uuid, name: &str) -> Contact {
        Contact { name: format!("contacts/{id}"), display_name: name.to_owned(), ..Contact::default() }
    }

    fn persons(ids: &[Uuid]) -> Traces {
        let mut traces = Traces::default();
        traces.add(ids.iter().copied(), How::Person);
        traces
    }

    #[test]
    fn only_what_speaks_of_the_erased_goes() {
        let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let batch = ContactsChanged { contacts: vec![contact(one, "Ada"), contact(other, "Bob")] };
        let data = batch.encode_to_vec();
        assert!(persons(&[one]).are_mentioned_in(&data));
        assert_eq!(without(&data, &persons(&[Uuid::from_u128(3)])).unwrap(), data);
        let rest = without(&data, &persons(&[one])).unwrap();
        assert_eq!(ContactsChanged::decode(rest.as_slice()).unwrap().contacts, [contact(other, "Bob")]);
        assert_eq!(without(&data, &persons(&[one, other])), None);
        // what cannot be read cannot be told apart
        assert_eq!(without(&data[..data.len() - 1], &persons(&[one])), None);
    }

    #[test]
    fn what_belongs_to_an_account_does_not_speak_of_its_people() {
        let (account, person) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let event = PersonErased {
            contacts: vec![format!("contacts/{person}")],
            records: vec![format!("accounts/{account}")],
            ..PersonErased::default()
        };
        let traces = Traces::of(&event).unwrap();
        let name = format!("accounts/{account}");
        let colleague = Contact { account: name.clone(), ..contact(Uuid::from_u128(3), "Bob") };
        let data = ContactsChanged { contacts: vec![colleague] }.encode_to_vec();
        assert_eq!(without(&data, &traces).unwrap(), data);
        let changed = AccountsChanged { accounts: vec![Account { name, ..Account::default() }] };
        assert_eq!(without(&changed.encode_to_vec(), &traces), None);
        assert!(Traces::of(&PersonErased { contacts: vec!["contacts/x".into()], ..event }).is_err());
    }
}
