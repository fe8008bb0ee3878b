//! The accounts that records belong to.

use std::collections::{HashMap, HashSet};

use salient_proto::common::v1::SourceKey;
use uuid::Uuid;

use crate::domain::{Kind, Refusal, record::AccountRef};

/// The accounts that the records of a batch refer to, as far as they exist.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// By key.
    pub by_key: HashMap<SourceKey, Uuid>,
    /// By id.
    pub ids: HashSet<Uuid>,
}

impl Accounts {
    /// The account's id; none if the record names none, or is one itself.
    pub fn find(&self, reference: &AccountRef) -> Result<Option<Uuid>, Refusal> {
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
