//! Where the records of a batch stand while it is gone through.

use std::collections::HashMap;

use salient_proto::common::v1::SourceKey;
use uuid::Uuid;

use super::{Current, Given, Item, Known, Write, written};
use crate::domain::{Kind, Record, Refusal, hierarchy::Lineage, record::AccountRef};

pub(super) enum Effect {
    Created,
    Updated,
    Unchanged,
}

/// Where the records of a batch stand while it is gone through.
pub(super) struct States<'a, R> {
    given: Given<'a>,
    current: HashMap<Uuid, Current<R>>,
    lineage: Lineage,
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

impl<'a, R: Record> States<'a, R> {
    pub(super) fn new(given: Given<'a>, current: HashMap<Uuid, Current<R>>, lineage: Lineage) -> Self {
        Self { given, current, lineage, states: HashMap::new(), list: Vec::new() }
    }

    pub(super) fn take(&mut self, item: Item<R>) -> Result<(Uuid, Effect), Refusal> {
        if let Some(position) = self.states.get(&item.key) {
            return self.change(*position, item);
        }
        let Some(Known { id, .. }) = self.given.known.get(&item.key) else {
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
        let Item { key, account, mut record, fault, reserved, .. } = item;
        if let Some(fault) = fault {
            return Err(fault);
        }
        if !record.name().is_empty() {
            return Err(Refusal::field(
                "name",
                "is given by the server; a new record is accepted without one",
            ));
        }
        match self.given.accounts.find(&account)? {
            Some(id) => record.set_account(Kind::Account.name(id)),
            None if account == AccountRef::Itself => {}
            None => return Err(AccountRef::missing()),
        }
        record.fill_defaults();
        let id = reserved.unwrap_or_else(|| self.given.clock.uuid());
        if record.parent().is_some() {
            self.lineage.link(&key, id, record.parent())?;
        }
        record.set_name(R::KIND.name(id));
        self.states.insert(key.clone(), self.list.len());
        let create_time = self.given.clock.now_micros();
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
        if self.given.mask.takes("account", || account != AccountRef::Missing) {
            match self.given.accounts.find(&account)? {
                Some(id) => change.set_account(Kind::Account.name(id)),
                None if account == AccountRef::Itself => {}
                None => return Err(AccountRef::missing()),
            }
        }
        let mut merged = state.record.clone();
        merged.update(change, self.given.mask);
        merged.fill_defaults();
        if merged == state.record {
            return Ok((state.id, Effect::Unchanged));
        }
        if let Some(fault) = merged.faults(self.given.latest).into_refusal() {
            return Err(fault);
        }
        if merged.parent() != state.record.parent() {
            self.lineage.link(&state.key, state.id, merged.parent())?;
        }
        (state.record, state.changed) = (merged, true);
        Ok((state.id, Effect::Updated))
    }

    pub(super) fn into_writes(self) -> Vec<Write<R>> {
        let changed = self.list.into_iter().filter(|state| state.changed);
        changed
            .map(|State { id, key, record, create_time, .. }| written(id, key, record, create_time))
            .collect()
    }
}
