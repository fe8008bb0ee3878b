//! Taking a person out of this service's tables.

use std::collections::{BTreeMap, BTreeSet};

use salient_core::{Result, TenantId};
use salient_events::{
    Envelope,
    erasure::{self, How, Traces},
};
use salient_proto::profile::v1::{Account, Contact};
use salient_store::{Tx, idempotency};
use uuid::Uuid;

use super::Individual;
use crate::{
    domain::{
        batch::{self, Write, written},
        person::{Forget, Person},
    },
    events::publish,
    identity::{self, Told},
    profile::Profile,
    store::{
        changes, consents, dirty,
        erasures::Removed,
        exports, identity as profiles,
        matches::UNRESOLVED,
        persons::{self, Near},
        records, search, transfers, usage,
    },
};

/// Methods whose answers tell of records that they name.
const TELLING: [&str; 3] = ["DecideReview", "MergeProfiles", "UndoMerge"];
/// Methods whose answers tell what records say of a field, without a name.
const QUOTING: [&str; 2] = ["PinField", "UnpinField"];

/// What was taken out.
pub(super) struct Forgotten {
    /// By kind of record; only what there was.
    pub(super) removed: Removed,
    /// Names of the records that spoke of the person, and stay without.
    pub(super) records: Vec<String>,
    /// What others hear of these.
    pub(super) events: Vec<Envelope>,
}

struct Forgetting<'a> {
    tx: &'a mut Tx,
    profile: &'a Profile,
    tenant: &'a TenantId,
    person: Person,
    counts: BTreeMap<&'static str, u64>,
    records: Vec<String>,
    traces: Traces,
    events: Vec<Envelope>,
}

/// Takes a person out: their records and what was made of these are deleted; records that speak of them
/// stay, without what speaks of them. Of the keys a tombstone each remains.
pub(super) async fn forget_in_tx(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    individual: &Individual,
) -> Result<Forgotten> {
    let mut traces = Traces::default();
    traces.add(individual.records.iter().copied(), How::Person);
    let mut forgetting = Forgetting {
        tx,
        profile,
        tenant,
        person: individual.person(),
        counts: BTreeMap::new(),
        records: Vec::new(),
        traces,
        events: Vec::new(),
    };
    forgetting.in_records(individual).await?;
    forgetting.in_accounts(&individual.accounts).await?;
    forgetting.themselves(individual).await?;
    forgetting.in_what_is_kept().await?;
    let Forgetting { counts, records, events, .. } = forgetting;
    let some = counts.into_iter().filter(|(_, count)| *count > 0);
    let removed = some.map(|(kind, count)| (kind.to_owned(), i64::try_from(count).unwrap_or(i64::MAX)));
    Ok(Forgotten { removed: removed.collect(), records, events })
}

impl Forgetting<'_> {
    /// In what happened with the accounts at which they stood, and elsewhere by their keys.
    async fn in_records(&mut self, individual: &Individual) -> Result<()> {
        let accounts = &individual.accounts;
        let found = persons::interactions(self.tx, self.tenant, accounts, self.person.keys()).await?;
        self.in_each("interactions", How::Mentioned, found).await?;
        let found = persons::opportunities(self.tx, self.tenant, accounts).await?;
        self.in_each("opportunities", How::Mentioned, found).await?;
        let changed = changes::forget_in_tx(self.tx, self.tenant, accounts, &self.person).await?;
        *self.counts.entry("opportunity_changes").or_default() += changed;
        Ok(())
    }

    /// In accounts: what records and pins say of them, what was said of merging them, and how their
    /// devices are called.
    async fn in_accounts(&mut self, accounts: &[Uuid]) -> Result<()> {
        let unpinned = persons::delete_pins_in_tx(self.tx, self.tenant, accounts, &self.person).await?;
        *self.counts.entry("pins").or_default() += unpinned.len() as u64;
        let found = persons::accounts(self.tx, self.tenant, accounts).await?;
        self.in_each("accounts", How::Itself, found).await?;
        let (merges, reviews) =
            persons::forget_in_merges_in_tx(self.tx, self.tenant, accounts, &self.person).await?;
        *self.counts.entry("merges").or_default() += merges;
        *self.counts.entry("reviews").or_default() += reviews;
        if !unpinned.is_empty() {
            let roots = profiles::roots::<Account>(self.tx, self.tenant, unpinned.iter().copied()).await?;
            let roots: BTreeSet<Uuid> = roots.into_values().collect();
            let roots: Vec<Uuid> = roots.into_iter().collect();
            let told = identity::keep_in_tx::<Account>(self.tx, self.tenant, &roots).await?;
            self.tell(How::Itself, &told);
        }
        usage::take_turn_in_tx(self.tx, self.tenant).await?;
        let devices = usage::forget_in_tx(self.tx, self.tenant, accounts, &self.person).await?;
        *self.counts.entry("devices").or_default() += devices;
        // an account has a contact less, and conditions are asked of what it said
        Ok(dirty::mark_in_tx(self.tx, self.tenant, accounts.iter().copied()).await?)
    }

    async fn in_each<R: Told + Forget>(
        &mut self,
        kind: &'static str,
        how: How,
        found: Vec<Near<R>>,
    ) -> Result<()> {
        let mut writes = Vec::new();
        for (id, mut record, create_time) in found {
            if record.forget(&self.person)
                && let Some(key) = record.key().cloned()
            {
                writes.push(written(id, key, record, create_time));
            }
        }
        *self.counts.entry(kind).or_default() += writes.len() as u64;
        let now = self.profile.clock.now_micros();
        records::write_in_tx(self.tx, self.tenant, &writes, now).await?;
        dirty::mark_in_tx(self.tx, self.tenant, batch::touched(&writes, Vec::new())).await?;
        self.note(how, &writes);
        let told = R::told_in_tx(self.tx, self.tenant, writes).await?;
        self.tell(how, &told);
        Ok(())
    }

    fn note<R: Told>(&mut self, how: How, writes: &[Write<R>]) {
        self.traces.add(writes.iter().map(|write| write.id), how);
        self.records.extend(writes.iter().map(|write| R::KIND.name(write.id)));
    }

    fn tell<R: Told>(&mut self, how: How, told: &[Write<R>]) {
        // what was told of a profile before spoke of the person as its record did
        self.note(how, told);
        self.records.sort_unstable();
        self.records.dedup();
        self.events.extend(publish::changes(&self.profile.clock, self.tenant, told));
    }

    /// Their own records and consents, and exports: their own, and those of others that name them.
    async fn themselves(&mut self, individual: &Individual) -> Result<()> {
        let (tenant, now) = (self.tenant, self.profile.clock.now_micros());
        for key in self.person.keys() {
            let salt: [u8; 32] = rand::random();
            persons::bury_in_tx(self.tx, tenant, key, &salt, now).await?;
        }
        persons::close_in_tx(self.tx, tenant, &individual.records, now).await?;
        for (kind, count) in persons::delete_contacts_in_tx(self.tx, tenant, &individual.records).await? {
            *self.counts.entry(kind).or_default() += count;
        }
        search::forget_in_tx::<Contact>(self.tx, tenant, &individual.records).await?;
        let consents = consents::delete_in_tx(self.tx, tenant, &individual.records).await?;
        let speaks = |json: &str| {
            self.traces.are_mentioned_in(json.as_bytes())
                || serde_json::from_str(json)
                    .map_or_else(|_| self.person.stands_in(json), |json| self.person.stands_in_json(&json))
        };
        let exports = exports::delete_speaking_in_tx(self.tx, tenant, &individual.records, speaks).await?;
        self.counts.extend([("consents", consents), ("exports", exports)]);
        // whoever holds records in memory looks which are gone
        self.tx.wake(UNRESOLVED);
        Ok(())
    }

    /// In answers to requests, in events that could not be applied, and in files that were not sent to
    /// their end.
    async fn in_what_is_kept(&mut self) -> Result<()> {
        let time = self.profile.clock.now();
        erasure::note_in_tx(self.tx, self.tenant, &self.traces, time).await?;
        let speaks = |method: &str, answer: &[u8]| {
            self.person.is_in(answer)
                || (TELLING.contains(&method) && self.traces.are_mentioned_in(answer))
                || (QUOTING.contains(&method) && self.person.is_quoted_in(answer))
        };
        let answers = idempotency::empty_in_tx(self.tx, self.tenant, speaks).await?;
        let letters = erasure::scrub_in_tx(self.tx, self.tenant, &self.traces).await?;
        let files = transfers::remove_unfinished_in_tx(self.tx, self.tenant).await?;
        self.counts.extend([("answers", answers), ("dead_letters", letters), ("transfers", files)]);
        Ok(())
    }
}
