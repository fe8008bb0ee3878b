//! Storing and telling what a look at accounts found.

use std::collections::{BTreeMap, HashMap, HashSet};

use salient_core::{Result, TenantId};
use salient_store::Tx;
use uuid::Uuid;

use crate::{
    domain::membership::{Changes, Rule},
    events,
    profile::Profile,
    store::{
        members,
        segments::{self, Tally},
    },
};

/// The pairs of segments and accounts as pairs of rules and accounts.
pub(super) fn by_rule(rules: &[Rule], pairs: Vec<(String, Uuid)>) -> HashSet<(usize, Uuid)> {
    let positions: HashMap<&str, usize> =
        rules.iter().enumerate().map(|(position, rule)| (rule.segment.as_str(), position)).collect();
    let pairs = pairs.into_iter();
    pairs.filter_map(|(segment, account)| Some((*positions.get(segment.as_str())?, account))).collect()
}

/// Stores changes, with the events that tell of them. Failures count only in a pass, which looks
/// at every account once.
pub(super) async fn apply_in_tx(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    rules: &[Rule],
    changes: &Changes,
    is_pass: bool,
) -> Result<()> {
    let now = profile.clock.now_micros();
    members::move_in_tx(tx, tenant, &changes.stages, now).await?;
    members::change_in_tx(tx, tenant, &changes.members, now).await?;
    let mut more: BTreeMap<&str, i64> = BTreeMap::new();
    for change in &changes.members {
        *more.entry(&change.segment).or_default() += if change.entered { 1 } else { -1 };
    }
    let tallies = rules.iter().zip(&changes.failed).map(|(rule, failed)| Tally {
        id: &rule.segment,
        members: more.get(rule.segment.as_str()).copied().unwrap_or_default(),
        failures: if is_pass { failed.count } else { 0 },
        failure: if is_pass { &failed.example } else { "" },
    });
    let tallies: Vec<Tally<'_>> = tallies.filter(|tally| tally.members != 0 || tally.failures != 0).collect();
    segments::tally_in_tx(tx, tenant, &tallies).await?;
    let told = events::membership::changes(&profile.clock, tenant, changes);
    salient_events::outbox::publish_in_tx(tx, &told).await
}
