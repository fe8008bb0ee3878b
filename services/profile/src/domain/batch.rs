//! What a batch does to the records that exist.
//!
//! The owner of the transaction asks in three steps, so that each touches the database once for
//! the whole batch:
//! 1. [`Batch::prepare`] looks at every record by itself; nothing is read for this;
//! 2. [`Batch::compare`], given what is stored under the records' keys, names the stored records
//!    that must be read because they may change;
//! 3. [`Batch::apply`] goes through the records in order and says what to write and what to answer.
//!
//! A key may stand in a batch more than once: the later record is merged into the earlier one.

mod accounts;
mod states;
mod write;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use salient_core::Clock;
use salient_proto::common::v1::SourceKey;
use uuid::Uuid;

pub use accounts::Accounts;
use states::{Effect, States};
use write::hash;
pub use write::{Write, accounts_of, touched, written};

use super::{Kind, Record, Refusal, UpdateMask, hierarchy::Lineage, person::Buried, record::AccountRef};

/// The records of a batch, looked at one by one.
#[derive(Debug, Default)]
pub struct Batch<R> {
    size: usize,
    latest: DateTime<Utc>,
    refused: Vec<(usize, Refusal)>,
    items: Vec<Item<R>>,
}

#[derive(Debug)]
struct Item<R> {
    index: usize,
    key: SourceKey,
    account: AccountRef,
    record: R,
    /// What is wrong with the record by itself; merged into an existing one it may be right.
    fault: Option<Refusal>,
    /// It equals the stored record.
    equal: bool,
    /// The id that it gets if it is new, when one was given beforehand.
    reserved: Option<Uuid>,
}

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The record's id.
    pub id: Uuid,
    /// The hash of its content.
    pub hash: Vec<u8>,
}

/// A stored record.
#[derive(Clone, Debug, PartialEq)]
pub struct Current<R> {
    /// Its content, without the times of storage.
    pub record: R,
    /// When it was first stored, in microseconds.
    pub create_time: i64,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Records that were new.
    pub created: usize,
    /// Records that existed and changed.
    pub updated: usize,
    /// Records that existed and were already equal.
    pub unchanged: usize,
    /// Positions of refused records, ascending, each with its reason.
    pub refused: Vec<(usize, Refusal)>,
    /// Resource names in the order of the batch; empty where the record was refused.
    pub names: Vec<String>,
}

impl<R: Record> Batch<R> {
    /// Looks at every record by itself. `latest` is the latest date that a record may carry.
    pub fn prepare(records: Vec<R>, latest: DateTime<Utc>) -> Self {
        let mut batch = Self {
            size: records.len(),
            latest,
            refused: Vec::new(),
            items: Vec::with_capacity(records.len()),
        };
        for (index, mut record) in records.into_iter().enumerate() {
            record.stamp(None, None);
            record.set_parent(String::new());
            record.cut_times();
            let faults = record.faults(latest);
            let account = record.account();
            match (record.key().cloned(), account) {
                // without good keys nobody knows which record is meant, or which account
                _ if faults.touch("source_key") || faults.touch("account_key") => {
                    batch.refused.extend(faults.into_refusal().map(|refusal| (index, refusal)));
                }
                (_, Err(refusal)) => batch.refused.push((index, refusal)),
                (None, _) => batch.refused.push((index, Refusal::field("source_key", "is required"))),
                (Some(key), Ok(account)) => {
                    let fault = faults.into_refusal();
                    batch.items.push(Item {
                        index,
                        key,
                        account,
                        record,
                        fault,
                        equal: false,
                        reserved: None,
                    });
                }
            }
        }
        batch
    }

    /// Whether the batch has no records at all.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The keys of the records.
    pub fn keys(&self) -> Vec<&SourceKey> {
        self.items.iter().map(|item| &item.key).collect()
    }

    /// How the records name their accounts.
    pub fn account_refs(&self) -> impl Iterator<Item = &AccountRef> {
        self.items.iter().map(|item| &item.account)
    }

    /// The keys of the persons whom the records name.
    pub fn persons(&self) -> Vec<&SourceKey> {
        self.items.iter().filter_map(|item| item.record.person()).collect()
    }

    /// Refuses the records that name somebody who was erased, and gives contacts who are taken up
    /// again the id that was reserved for them.
    pub fn respect(&mut self, buried: &HashMap<SourceKey, Buried>) {
        if buried.is_empty() {
            return;
        }
        let field = if R::KIND == Kind::Contact { "source_key" } else { "contact_key" };
        for mut item in std::mem::take(&mut self.items) {
            match item.record.person().and_then(|key| buried.get(key)) {
                Some(Buried::Erased) => self.refused.push((item.index, Refusal::person_erased(field))),
                Some(Buried::Readmitted(id)) if R::KIND == Kind::Contact => {
                    item.reserved = Some(*id);
                    self.items.push(item);
                }
                _ => self.items.push(item),
            }
        }
    }

    /// The keys of the records that may come to stand below another, and the keys of those.
    pub fn parents(&self) -> impl Iterator<Item = (&SourceKey, &SourceKey)> {
        let changing = self.items.iter().filter(|item| !item.equal);
        changing.filter_map(|item| Some((&item.key, item.record.parent()?)))
    }

    /// Finds the records that equal the stored ones, and names the stored records that must be
    /// read to tell what the others change.
    pub fn compare(
        &mut self,
        known: &HashMap<SourceKey, Known>,
        accounts: &Accounts,
        mask: &UpdateMask,
    ) -> Vec<Uuid> {
        let mut seen = HashMap::new();
        for item in &self.items {
            *seen.entry(&item.key).or_insert(0_usize) += 1;
        }
        let once: Vec<bool> = self.items.iter().map(|item| seen[&item.key] == 1).collect();
        let mut wanted = Vec::new();
        for (item, once) in self.items.iter_mut().zip(once) {
            let Some(stored) = known.get(&item.key) else { continue };
            let whole = once && item.fault.is_none() && mask.compares_whole();
            item.equal = whole && item.equals(stored, accounts);
            if !item.equal {
                wanted.push(stored.id);
            }
        }
        wanted
    }

    /// Goes through the records in order. `current` are the stored records that
    /// [`Batch::compare`] named, `lineage` what stands above [`Batch::parents`].
    pub fn apply(
        self,
        known: &HashMap<SourceKey, Known>,
        current: HashMap<Uuid, Current<R>>,
        accounts: &Accounts,
        lineage: Lineage,
        mask: &UpdateMask,
        clock: &Clock,
    ) -> (Summary, Vec<Write<R>>) {
        let mut summary = Summary {
            created: 0,
            updated: 0,
            unchanged: 0,
            refused: self.refused,
            names: vec![String::new(); self.size],
        };
        let given = Given { known, accounts, mask, latest: self.latest, clock };
        let mut states = States::new(given, current, lineage);
        for item in self.items {
            let index = item.index;
            match states.take(item) {
                Ok((id, effect)) => {
                    *match effect {
                        Effect::Created => &mut summary.created,
                        Effect::Updated => &mut summary.updated,
                        Effect::Unchanged => &mut summary.unchanged,
                    } += 1;
                    summary.names[index] = R::KIND.name(id);
                }
                Err(refusal) => summary.refused.push((index, refusal)),
            }
        }
        summary.refused.sort_by_key(|(index, _)| *index);
        (summary, states.into_writes())
    }
}

/// What a batch is applied to and by.
#[derive(Clone, Copy)]
struct Given<'a> {
    known: &'a HashMap<SourceKey, Known>,
    accounts: &'a Accounts,
    mask: &'a UpdateMask,
    latest: DateTime<Utc>,
    clock: &'a Clock,
}

impl<R: Record> Item<R> {
    /// Whether the record, as it would be stored if it were new, is what is stored.
    fn equals(&self, stored: &Known, accounts: &Accounts) -> bool {
        let Ok(account) = accounts.find(&self.account) else { return false };
        let name = R::KIND.name(stored.id);
        if !self.record.name().is_empty() && self.record.name() != name {
            return false;
        }
        let mut record = self.record.clone();
        record.set_name(name);
        record.set_account(account.map(|id| Kind::Account.name(id)).unwrap_or_default());
        record.fill_defaults();
        hash(&record.encode_to_vec()) == stored.hash
    }
}

#[cfg(test)]
mod tests;
