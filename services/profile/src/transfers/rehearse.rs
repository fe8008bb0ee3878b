//! What would become of records, without writing them.

use std::{
    collections::{HashMap, HashSet, hash_map::DefaultHasher},
    hash::Hasher as _,
};

use salient_core::{Result, TenantId};
use salient_proto::{common::v1::SourceKey, profile::v1::IngestRecordsRequest};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::{
        Record, UpdateMask,
        batch::{Accounts, Batch, Summary, Write},
    },
    hierarchy,
    ingest::{Records, Taken},
    profile::Profile,
    store::{Stored, persons, records},
};

/// Which records of a message are which, by hashes: a file may be long.
#[derive(Debug)]
pub(super) struct Sketch {
    accounts: Vec<Print>,
    contacts: Vec<Print>,
    orders: Vec<Print>,
    interactions: Vec<Print>,
    opportunities: Vec<Print>,
    /// The keys of accounts by which the records name theirs.
    named: HashSet<SourceKey>,
}

/// The hash of a record's kind and key, and that of its content.
type Print = (u64, u64);

impl Sketch {
    pub(super) fn new(message: &IngestRecordsRequest) -> Self {
        let IngestRecordsRequest { accounts, contacts, orders, interactions, opportunities, .. } = message;
        let named = contacts.iter().filter_map(|record| record.account_key.as_ref());
        let named = named
            .chain(orders.iter().filter_map(|record| record.account_key.as_ref()))
            .chain(interactions.iter().filter_map(|record| record.account_key.as_ref()))
            .chain(opportunities.iter().filter_map(|record| record.account_key.as_ref()));
        Self {
            accounts: prints(accounts),
            contacts: prints(contacts),
            orders: prints(orders),
            interactions: prints(interactions),
            opportunities: prints(opportunities),
            named: named.cloned().collect(),
        }
    }
}

fn prints<R: Record>(records: &[R]) -> Vec<Print> {
    let print = |record: &R| (key_hash::<R>(record.key()), hash(&record.encode_to_vec()));
    records.iter().map(print).collect()
}

fn key_hash<R: Record>(key: Option<&SourceKey>) -> u64 {
    hash(&(R::KIND, key.map(|key| (&key.source, &key.id))))
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What a dry run has seen: records that would be there by now.
#[derive(Debug, Default)]
pub(super) struct Rehearsal {
    accounts: HashMap<SourceKey, Uuid>,
    /// Content of what would be new, by the hash of its key.
    seen: HashMap<u64, u64>,
}

impl Rehearsal {
    /// What would become of the next records of the file. Nothing is locked: what others write
    /// meanwhile may be seen or not.
    pub(super) async fn take(
        &mut self,
        profile: &Profile,
        tenant: &TenantId,
        records: &mut Records,
        sketch: &Sketch,
    ) -> Result<Taken> {
        let mut conn = profile.db.read().await?;
        let mut taken = Taken::default();
        let none = Accounts::default();
        macro_rules! compare {
            ($batch:ident, $known:expr) => {
                if !records.$batch.is_empty() {
                    let batch = std::mem::take(&mut records.$batch);
                    let (summary, writes) =
                        self.compare(&mut conn, profile, tenant, batch, $known, &sketch.$batch).await?;
                    taken.$batch = Some(summary);
                    writes
                } else {
                    Vec::new()
                }
            };
        }
        let new = compare!(accounts, &none);
        self.accounts.extend(new.into_iter().map(|write| (write.key, write.id)));
        let mut known = records.named_accounts(&mut conn, tenant).await?;
        for key in &sketch.named {
            if let (false, Some(id)) = (known.by_key.contains_key(key), self.accounts.get(key)) {
                known.by_key.insert(key.clone(), *id);
            }
        }
        compare!(contacts, &known);
        compare!(orders, &known);
        compare!(interactions, &known);
        compare!(opportunities, &known);
        Ok(taken)
    }

    async fn compare<R: Stored>(
        &mut self,
        conn: &mut impl Connection,
        profile: &Profile,
        tenant: &TenantId,
        mut batch: Batch<R>,
        accounts: &Accounts,
        prints: &[Print],
    ) -> Result<(Summary, Vec<Write<R>>)> {
        let mask = UpdateMask::Set;
        let buried = persons::buried(conn, tenant, &batch.persons()).await?;
        batch.respect(&buried);
        let known = records::find::<R>(conn, tenant, &batch.keys()).await?;
        let wanted = batch.compare(&known, accounts, &mask);
        let current = records::current(conn, tenant, wanted).await?;
        let lineage = hierarchy::of_batch(conn, tenant, &batch, &known).await?;
        let (mut summary, writes) = batch.apply(&known, current, accounts, lineage, &mask, &profile.clock);
        let stored: HashSet<u64> = known.keys().map(|key| key_hash::<R>(Some(key))).collect();
        let mut new = HashMap::new();
        for ((key, content), name) in prints.iter().zip(&summary.names) {
            if name.is_empty() || stored.contains(key) || new.insert(*key, *content).is_some() {
                continue;
            }
            // by the store alone it is new, but it came before
            if let Some(before) = self.seen.get(key) {
                summary.created -= 1;
                *if before == content { &mut summary.unchanged } else { &mut summary.updated } += 1;
            }
        }
        self.seen.extend(new);
        Ok((summary, writes))
    }
}
