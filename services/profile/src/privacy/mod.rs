//! Consent, export and erasure of people, and the tenant's rules of privacy. Each file owns the
//! transactions of its verbs.

pub mod consents;
pub mod erase;
pub mod export;
pub mod retention;
pub mod settings;

use std::collections::BTreeSet;

use salient_core::{Error, Result, TenantId};
use salient_proto::profile::v1::Contact;
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::{Kind, Record as _, record::AccountRef},
    events::publish::SOURCE,
    profile::Profile,
    store::{consents as rows, records},
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

/// The contact, and the account it stands at. One who is taken up again after an erasure has consents
/// before there is a record: then nothing but the id is known.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is neither.
async fn person(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contact: Uuid,
) -> Result<(Contact, Option<Uuid>)> {
    if let Some(found) = records::get::<Contact>(conn, tenant, contact).await? {
        let account = match found.account() {
            Ok(AccountRef::Id(account)) => Some(account),
            _ => None,
        };
        return Ok((found, account));
    }
    let name = Kind::Contact.name(contact);
    if rows::list(conn, tenant, contact, (i64::MAX, Uuid::max()), 1).await?.is_empty() {
        return Err(Error::not_found(name));
    }
    Ok((Contact { name, ..Contact::default() }, None))
}
