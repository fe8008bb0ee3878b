//! Consent, export and erasure of people, and the tenant's rules of privacy. Each file owns the
//! transactions of its verbs.
//!
//! A person is a profile: everything here is about all records that are merged into it.

pub mod complete;
pub mod consents;
pub mod erase;
pub mod export;
mod forget;
pub mod retention;
pub mod settings;

use std::collections::BTreeSet;

use salient_core::{Error, Result, TenantId};
use salient_proto::profile::v1::{Account, Contact};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::{Kind, Record as _, person::Person, record::AccountRef},
    events::publish::SOURCE,
    identity::{self, Unified},
    profile::Profile,
    store::consents as rows,
};

/// What the verbs work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Privacy {
    /// The service's database and clock.
    pub profile: Profile,
    /// The services that hold data of people, this one among them.
    pub services: BTreeSet<String>,
}

impl Privacy {
    /// Over these services and this one.
    pub fn new(profile: Profile, services: impl IntoIterator<Item = String>) -> Self {
        let services = services.into_iter().chain([SOURCE.to_owned()]).collect();
        Self { profile, services }
    }
}

/// A person, as this service knows them.
#[derive(Debug)]
struct Individual {
    /// The profile.
    id: Uuid,
    /// The records that make it, oldest first.
    records: Vec<Uuid>,
    /// The records of the accounts at which they stand, and of those that are one with these.
    accounts: Vec<Uuid>,
    /// What it says; nothing of one who is taken up again after an erasure and has consents before
    /// there is a record.
    unified: Option<Unified<Contact>>,
}

impl Individual {
    /// The stored records.
    fn contacts(&self) -> Vec<Contact> {
        let stakes = self.unified.iter().flat_map(|unified| &unified.stakes);
        stakes.map(|stake| stake.member.record.clone()).collect()
    }

    /// By what others' records are known to speak of them.
    fn person(&self) -> Person {
        let provenance = self.unified.as_ref().map_or(&[][..], |unified| &unified.provenance);
        Person::of(&self.contacts(), provenance)
    }

    fn names(&self) -> Vec<String> {
        self.records.iter().map(|id| Kind::Contact.name(*id)).collect()
    }

    fn account_names(&self) -> Vec<String> {
        self.accounts.iter().map(|id| Kind::Account.name(*id)).collect()
    }

    /// What the events of the person travel by: the account, as the events of the records do.
    fn shard_key(&self) -> Uuid {
        self.accounts.first().copied().unwrap_or(self.id)
    }
}

/// The person to whom a record belongs.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is neither a record nor a consent.
async fn individual(conn: &mut impl Connection, tenant: &TenantId, contact: Uuid) -> Result<Individual> {
    let Some(id) = identity::root::<Contact>(conn, tenant, contact).await? else {
        if rows::list(conn, tenant, &[contact], (i64::MAX, Uuid::max()), 1).await?.is_empty() {
            return Err(Error::not_found(Kind::Contact.name(contact)));
        }
        return Ok(Individual { id: contact, records: vec![contact], accounts: Vec::new(), unified: None });
    };
    let unified = identity::profiles::<Contact>(conn, tenant, &[id]).await?.remove(&id);
    let stakes = unified.iter().flat_map(|unified| &unified.stakes);
    let records: Vec<Uuid> = stakes.clone().map(|stake| stake.id).collect();
    let mut accounts = Vec::new();
    for stake in stakes {
        if let Ok(AccountRef::Id(account)) = stake.member.record.account()
            && !accounts.contains(&account)
        {
            accounts.extend(identity::members::<Account>(conn, tenant, account).await?);
        }
    }
    Ok(Individual { id, records, accounts, unified })
}
