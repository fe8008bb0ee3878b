//! An event on its way: a Protobuf payload with the attributes of CloudEvents 1.0.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use prost::{Message, Name};
use salient_core::{Clock, TenantId};
use uuid::Uuid;

/// Into how many shards the stream of a service is split. Part of the wire format: events of
/// one account stay in one shard, so a change would mix their order while both are in use.
pub const SHARDS: u16 = 8;

/// The shard of a key; an account's key is the 16 bytes of its id.
///
/// FNV-1a of 64 bits, folded, because it is the same on every machine and in every version.
#[must_use]
pub fn shard_of(key: &[u8]) -> u16 {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = (hash >> 32) ^ hash;
    // Less than SHARDS, which is a u16.
    (folded % u64::from(SHARDS)) as u16
}

/// One event. Cloning does not copy the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// CloudEvents `id`: UUIDv7, the same on every delivery.
    pub id: Uuid,
    /// CloudEvents `type`: the full name of the message, `salient.profile.v1.OrdersRecorded`.
    pub type_: String,
    /// CloudEvents `source`: the service that published it, `profile`.
    pub source: String,
    /// Whose data it is.
    pub tenant: TenantId,
    /// Where in the source's stream it stands, below [`SHARDS`].
    pub shard: u16,
    /// CloudEvents `subject`: the resource it speaks of, or empty for a batch of several.
    pub subject: String,
    /// CloudEvents `time`, by the publisher's clock.
    pub time: DateTime<Utc>,
    /// The trace of the request that caused it, as W3C `traceparent`.
    pub traceparent: Option<String>,
    /// The encoded message.
    pub data: Bytes,
}

impl Envelope {
    /// A new event of the service `source` around `message`, with the current trace. `shard` is
    /// [`shard_of`] the account that `message` speaks of; all its accounts fall into one.
    #[must_use]
    pub fn new<M: Message + Name>(
        source: &str,
        clock: &Clock,
        tenant: &TenantId,
        shard: u16,
        message: &M,
    ) -> Self {
        Self {
            id: clock.uuid(),
            type_: M::full_name(),
            source: source.to_owned(),
            tenant: tenant.clone(),
            shard: shard % SHARDS,
            subject: String::new(),
            time: clock.now(),
            traceparent: salient_kit::telemetry::propagation::current_traceparent(),
            data: message.encode_to_vec().into(),
        }
    }

    /// The same event about one resource.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// What it weighs on the wire, near enough for limits: the payload and its attributes.
    pub(crate) fn weight(&self) -> usize {
        self.data.len() + 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_stable_and_even() {
        // Fixed by the wire format; a change here is a change of the contract.
        assert_eq!(shard_of(b""), 1);
        assert_eq!(shard_of(b"accounts/1"), shard_of(b"accounts/1"));
        let clock = Clock::system();
        let mut counts = [0_u32; SHARDS as usize];
        for _ in 0..8_000 {
            counts[usize::from(shard_of(clock.uuid().as_bytes()))] += 1;
        }
        assert!(counts.iter().all(|n| (850..1_150).contains(n)), "{counts:?}");
    }
}
