//! Who entered and left segments, and who went from stage to stage, as events.

use prost::{Message, Name};
use salient_core::{Clock, TenantId};
use salient_events::{Envelope, SHARDS, shard_of};
use salient_proto::profile::v1::{JourneyStageChanged, SegmentMembershipChanged};
use uuid::Uuid;

use super::publish::SOURCE;
use crate::domain::membership::Changes;

/// Changes in one event, at most.
const CHANGES: usize = 1_000;

/// The events that tell of `changes`: accounts of one shard in each.
pub fn changes(clock: &Clock, tenant: &TenantId, changes: &Changes) -> Vec<Envelope> {
    let now = clock.now_micros();
    let stages = by_shard(
        clock,
        tenant,
        &changes.stages,
        |step| step.account,
        |steps| JourneyStageChanged { transitions: steps.iter().map(|step| step.message(now)).collect() },
    );
    let members = by_shard(
        clock,
        tenant,
        &changes.members,
        |change| change.account,
        |some| SegmentMembershipChanged { changes: some.iter().map(|change| change.message(now)).collect() },
    );
    stages.into_iter().chain(members).collect()
}

fn by_shard<T, M: Message + Name>(
    clock: &Clock,
    tenant: &TenantId,
    items: &[T],
    account: impl Fn(&T) -> Uuid,
    message: impl Fn(&[&T]) -> M,
) -> Vec<Envelope> {
    let mut shards: Vec<Vec<&T>> = (0..SHARDS).map(|_| Vec::new()).collect();
    for item in items {
        shards[usize::from(shard_of(account(item).as_bytes()))].push(item);
    }
    let shards = (0..SHARDS).zip(shards);
    let events = shards.flat_map(|(shard, items)| {
        let parts: Vec<Envelope> = items
            .chunks(CHANGES)
            .map(|part| Envelope::new(SOURCE, clock, tenant, shard, &message(part)))
            .collect();
        parts
    });
    events.collect()
}
