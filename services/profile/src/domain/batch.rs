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

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use salient_core::Clock;
use salient_proto::common::v1::SourceKey;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Kind, Record, Refusal, UpdateMask, record::AccountRef};

/// Bytes of the content hash that are kept. It tells equal from changed, nothing more.
const HASH: usize = 16;

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

/// The accounts that the records of a batch refer to, as far as they exist.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// By key.
    pub by_key: HashMap<SourceKey, Uuid>,
    /// By id.
    pub ids: HashSet<Uuid>,
}

/// A record to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write<R> {
    /// Its id.
    pub id: Uuid,
    /// Its account's; an account's own.
    pub account: Uuid,
    /// Its key.
    pub key: SourceKey,
    /// Its content, without the times of storage.
    pub record: R,
    /// The same, encoded.
    pub body: Vec<u8>,
    /// The hash of the encoded content.
    pub hash: Vec<u8>,
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

/// The record as it is written.
pub fn written<R: Record>(id: Uuid, key: SourceKey, record: R, create_time: i64) -> Write<R> {
    let body = record.encode_to_vec();
    let hash = hash(&body);
    let account = match record.account() {
        Ok(AccountRef::Id(account)) => account,
        _ => id,
    };
    Write { id, account, key, record, body, hash, create_time }
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
                    batch.items.push(Item { index, key, account, record, fault, equal: false });
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
    /// [`Batch::compare`] named.
    pub fn apply(
        self,
        known: &HashMap<SourceKey, Known>,
        current: HashMap<Uuid, Current<R>>,
        accounts: &Accounts,
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
        let mut states = States {
            known,
            current,
            accounts,
            mask,
            latest: self.latest,
            clock,
            states: HashMap::new(),
            list: Vec::new(),
        };
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

impl Accounts {
    /// The account's id; none if the record names none, or is one itself.
    fn find(&self, reference: &AccountRef) -> Result<Option<Uuid>, Refusal> {
        match reference {
            AccountRef::Itself | AccountRef::Missing => Ok(None),
            AccountRef::Id(id) if self.ids.contains(id) => Ok(Some(*id)),
            AccountRef::Id(id) => Err(Refusal::account_unknown("account", &Kind::Account.name(*id))),
            AccountRef::Key(key) => match self.by_key.get(key) {
                Some(id) => Ok(Some(*id)),
                None => Err(Refusal::account_unknown(
                    "account_key",
                    &format!("the account {:?} of {:?}", key.id, key.source),
                )),
            },
        }
    }
}

enum Effect {
    Created,
    Updated,
    Unchanged,
}

/// Where the records of a batch stand while it is gone through.
struct States<'a, R> {
    known: &'a HashMap<SourceKey, Known>,
    current: HashMap<Uuid, Current<R>>,
    accounts: &'a Accounts,
    mask: &'a UpdateMask,
    latest: DateTime<Utc>,
    clock: &'a Clock,
    /// By key, the position in `list`.
    states: HashMap<SourceKey, usize>,
    list: Vec<State<R>>,
}

struct State<R> {
    id: Uuid,
    key: SourceKey,
    record: R,
    create_time: i64,
    changed: bool,
}

impl<R: Record> States<'_, R> {
    fn take(&mut self, item: Item<R>) -> Result<(Uuid, Effect), Refusal> {
        if let Some(position) = self.states.get(&item.key) {
            return self.change(*position, item);
        }
        let Some(Known { id, .. }) = self.known.get(&item.key) else {
            return self.create(item);
        };
        if item.equal {
            return Ok((*id, Effect::Unchanged));
        }
        let Some(Current { record, create_time }) = self.current.remove(id) else {
            // the transaction holds the key, so what was there a moment ago is still there
            return Err(Refusal::field("source_key", "the stored record could not be read; send it again"));
        };
        let key = item.key.clone();
        let state = State { id: *id, key: key.clone(), record, create_time, changed: false };
        self.list.push(state);
        self.states.insert(key, self.list.len() - 1);
        self.change(self.list.len() - 1, item)
    }

    fn create(&mut self, item: Item<R>) -> Result<(Uuid, Effect), Refusal> {
        let Item { key, account, mut record, fault, .. } = item;
        if let Some(fault) = fault {
            return Err(fault);
        }
        if !record.name().is_empty() {
            return Err(Refusal::field(
                "name",
                "is given by the server; a new record is accepted without one",
            ));
        }
        match self.accounts.find(&account)? {
            Some(id) => record.set_account(Kind::Account.name(id)),
            None if account == AccountRef::Itself => {}
            None => return Err(AccountRef::missing()),
        }
        record.fill_defaults();
        let id = self.clock.uuid();
        record.set_name(R::KIND.name(id));
        self.states.insert(key.clone(), self.list.len());
        let create_time = self.clock.now_micros();
        self.list.push(State { id, key, record, create_time, changed: true });
        Ok((id, Effect::Created))
    }

    fn change(&mut self, position: usize, item: Item<R>) -> Result<(Uuid, Effect), Refusal> {
        let Item { account, record: mut change, .. } = item;
        let state = &mut self.list[position];
        if !change.name().is_empty() && change.name() != state.record.name() {
            let message =
                format!("is given by the server; the record with this key is {}", state.record.name());
            return Err(Refusal::field("name", message));
        }
        if self.mask.takes("account", || account != AccountRef::Missing) {
            match self.accounts.find(&account)? {
                Some(id) => change.set_account(Kind::Account.name(id)),
                None if account == AccountRef::Itself => {}
                None => return Err(AccountRef::missing()),
            }
        }
        let mut merged = state.record.clone();
        merged.update(change, self.mask);
        merged.fill_defaults();
        if merged == state.record {
            return Ok((state.id, Effect::Unchanged));
        }
        if let Some(fault) = merged.faults(self.latest).into_refusal() {
            return Err(fault);
        }
        (state.record, state.changed) = (merged, true);
        Ok((state.id, Effect::Updated))
    }

    fn into_writes(self) -> Vec<Write<R>> {
        let changed = self.list.into_iter().filter(|state| state.changed);
        changed
            .map(|State { id, key, record, create_time, .. }| written(id, key, record, create_time))
            .collect()
    }
}

/// The accounts that these stored records belong to.
pub fn accounts_of<R: Record>(current: &HashMap<Uuid, Current<R>>) -> Vec<Uuid> {
    let account = |current: &Current<R>| match current.record.account() {
        Ok(AccountRef::Id(account)) => Some(account),
        _ => None,
    };
    current.values().filter_map(account).collect()
}

/// The accounts that `writes` speak of, and those in `before`, which they may have left; none if
/// nothing is written.
pub fn touched<R>(writes: &[Write<R>], before: Vec<Uuid>) -> HashSet<Uuid> {
    let before = if writes.is_empty() { Vec::new() } else { before };
    writes.iter().map(|write| write.account).chain(before).collect()
}

fn hash(body: &[u8]) -> Vec<u8> {
    Sha256::digest(body)[..HASH].to_vec()
}

#[cfg(test)]
mod tests;
