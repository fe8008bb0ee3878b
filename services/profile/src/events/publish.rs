//! Changed records as events.
//!
//! One event carries many records, but only of accounts of one shard, so that the events of an
//! account arrive in order. A record is not encoded again: an event is the stored encodings, one
//! after the other, as elements of its one repeated field.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{Name, encoding};
use salient_core::{Clock, TenantId};
use salient_events::{Envelope, SHARDS, shard_of};
use salient_kit::telemetry::propagation::current_traceparent;
use salient_proto::profile::v1::{
    AccountsChanged, ContactsChanged, InteractionsRecorded, OpportunitiesChanged, OrdersRecorded,
    ProfileRoot, ProfilesResolved,
};
use uuid::Uuid;

use crate::domain::{Kind, Record, batch::Write, record::timestamp};

/// The name of this service on the bus.
pub const SOURCE: &str = "profile";

/// Records in one event, at most.
const RECORDS: usize = 500;
/// Bytes of records in one event, at most, unless one record is larger.
const BYTES: usize = 512 * 1024;
/// The number of the one field of every event message; a test holds them to it.
const FIELD: u32 = 1;

/// The type of the events that tell of changes of `kind`.
pub fn type_of(kind: Kind) -> String {
    match kind {
        Kind::Account => AccountsChanged::full_name(),
        Kind::Contact => ContactsChanged::full_name(),
        Kind::Order => OrdersRecorded::full_name(),
        Kind::Interaction => InteractionsRecorded::full_name(),
        Kind::Opportunity => OpportunitiesChanged::full_name(),
    }
}

/// The events that tell of `writes`.
pub fn changes<R: Record>(clock: &Clock, tenant: &TenantId, writes: &[Write<R>]) -> Vec<Envelope> {
    let mut shards: Vec<Vec<&Write<R>>> = (0..SHARDS).map(|_| Vec::new()).collect();
    for write in writes {
        shards[usize::from(shard_of(write.account.as_bytes()))].push(write);
    }
    let now = clock.now();
    let mut events = Vec::new();
    for (shard, writes) in (0..SHARDS).zip(shards) {
        let mut rest = writes.into_iter().peekable();
        while rest.peek().is_some() {
            let (mut data, mut count) = (Vec::new(), 0);
            while let Some(write) =
                rest.next_if(|next| count == 0 || (count < RECORDS && data.len() + next.body.len() <= BYTES))
            {
                append(&mut data, write, clock.now_micros());
                count += 1;
            }
            events.push(Envelope {
                id: clock.uuid(),
                type_: type_of(R::KIND),
                source: SOURCE.to_owned(),
                tenant: tenant.clone(),
                shard,
                subject: String::new(),
                time: now,
                traceparent: current_traceparent(),
                data: Bytes::from(data),
            });
        }
    }
    events
}

/// The events that tell which profiles records belong to, by the shard of the record.
pub fn resolved(
    clock: &Clock,
    tenant: &TenantId,
    roots: impl Iterator<Item = (Uuid, ProfileRoot)>,
) -> Vec<Envelope> {
    let mut shards: BTreeMap<u16, Vec<ProfileRoot>> = BTreeMap::new();
    for (record, root) in roots {
        shards.entry(shard_of(record.as_bytes())).or_default().push(root);
    }
    let mut events = Vec::new();
    for (shard, roots) in shards {
        for roots in roots.chunks(RECORDS) {
            let message = ProfilesResolved { roots: roots.to_vec() };
            events.push(Envelope::new(SOURCE, clock, tenant, shard, &message));
        }
    }
    events
}

fn append<R: Record>(data: &mut Vec<u8>, write: &Write<R>, now: i64) {
    let stamped;
    let body = if R::STAMPED {
        let mut record = write.record.clone();
        record.stamp(Some(timestamp(write.create_time)), Some(timestamp(now)));
        stamped = record.encode_to_vec();
        &stamped
    } else {
        &write.body
    };
    encoding::encode_key(FIELD, encoding::WireType::LengthDelimited, data);
    encoding::encode_varint(body.len() as u64, data);
    data.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use prost::Message as _;
    use salient_proto::{
        common::v1::SourceKey,
        profile::v1::{Account, Order, OrderLine},
    };

    use super::*;

    fn clock() -> Clock {
        Clock::manual("2011-06-01T00:00:00Z".parse().unwrap())
    }

    fn write<R: Record>(record: R, account: Uuid, id: Uuid) -> Write<R> {
        let body = record.encode_to_vec();
        let key = SourceKey { source: "s".into(), id: "1".into() };
        Write { id, account, key, record, body, hash: Vec::new(), create_time: 1_000_000 }
    }

    fn order(lines: usize, clock: &Clock) -> Write<Order> {
        let line = OrderLine { product: "products/85123A".into(), quantity: 1, amount_minor_units: 255 };
        let id = clock.uuid();
        let record = Order { name: Kind::Order.name(id), lines: vec![line; lines], ..Order::default() };
        write(record, clock.uuid(), id)
    }

    #[test]
    fn records_arrive_whole_in_the_shard_of_their_account() {
        let clock = clock();
        let writes: Vec<_> = (0..1_000).map(|_| order(3, &clock)).collect();
        let events = changes(&clock, &TenantId::try_from("acme").unwrap(), &writes);
        assert_eq!(events.len(), 8);
        let mut seen = HashSet::new();
        for event in events {
            assert_eq!(event.type_, "salient.profile.v1.OrdersRecorded");
            for order in OrdersRecorded::decode(event.data).unwrap().orders {
                let write = writes.iter().find(|write| write.record == order).unwrap();
                assert_eq!(shard_of(write.account.as_bytes()), event.shard);
                seen.insert(write.id);
            }
        }
        assert_eq!(seen.len(), writes.len());
    }

    #[test]
    fn events_have_a_bounded_size() {
        let clock = clock();
        let mut writes: Vec<_> = (0..1_200).map(|_| order(1, &clock)).collect();
        writes.extend((0..4).map(|_| order(15_000, &clock)));
        let account = writes[0].account;
        writes.iter_mut().for_each(|write| write.account = account);
        let events = changes(&clock, &TenantId::try_from("acme").unwrap(), &writes);
        let counts: Vec<_> = events
            .iter()
            .map(|event| OrdersRecorded::decode(event.data.clone()).unwrap().orders.len())
            .collect();
        assert_eq!(counts.iter().sum::<usize>(), writes.len());
        assert_eq!(counts[..2], [500, 500]);
        assert!(events.iter().all(|event| event.data.len() < BYTES + 10_000));
    }

    #[test]
    fn every_event_message_has_its_records_in_field_one() {
        let clock = clock();
        let account = Account { display_name: "a".into(), ..Account::default() };
        let id = clock.uuid();
        let [event] = &changes(&clock, &TenantId::try_from("acme").unwrap(), &[write(account, id, id)])[..]
        else {
            panic!("one event");
        };
        let decoded = AccountsChanged::decode(event.data.clone()).unwrap();
        assert_eq!(decoded.accounts[0].display_name, "a");
        assert_eq!(decoded.accounts[0].create_time.unwrap().seconds, 1);
        assert!(decoded.accounts[0].update_time.is_some());
        for kind in [Kind::Account, Kind::Contact, Kind::Order, Kind::Interaction, Kind::Opportunity] {
            let message = salient_proto::pool().get_message_by_name(&type_of(kind)).unwrap();
            let fields: Vec<_> = message.fields().collect();
            assert_eq!(fields.len(), 1);
            assert!(fields[0].number() == FIELD && fields[0].is_list());
        }
    }
}
