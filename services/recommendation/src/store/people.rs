//! People: whom sellers may speak to, and what names them.

use std::collections::{HashMap, HashSet};

use salient_core::{AccountId, ContactId, TenantId};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{
    Contact, Draft, Recommendation,
    approach::{Approaches, Consents},
    draft::Channel,
};

/// Whom sellers may speak to at accounts. `named` are the people whom items on a list name already.
///
/// # Errors
/// The store does not answer, or a row is damaged.
pub async fn approaches(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: impl Iterator<Item = AccountId>,
    named: impl Iterator<Item = ContactId>,
) -> Result<Approaches> {
    let mut rows: Vec<(String, Uuid, Uuid, String, bool, bool)> =
        sql("select c.sort_key, c.contact, c.account, c.display_name, c.has_phone, c.has_email
             from {rows} join contacts c on c.account = rows.account where c.tenant = $1")
        .bind(tenant)
        .rows(Rows::new().uuid("account", accounts.map(AccountId::uuid)))
        .fetch_all(conn)
        .await?;
    // the first by key is the one to speak to; the same in every deployment
    rows.sort_unstable();
    let mut people: HashSet<Uuid> = named.map(ContactId::uuid).collect();
    let mut contacts: HashMap<AccountId, Vec<Contact>> = HashMap::new();
    for (_, id, account, name, has_phone, has_email) in rows {
        people.insert(id);
        let contact = Contact { id: ContactId::from_uuid(id), name, has_phone, has_email };
        contacts.entry(AccountId::from_uuid(account)).or_default().push(contact);
    }
    let settings: Option<(bool,)> = sql("select unknown_permitted from privacy_settings where tenant = $1")
        .bind(tenant)
        .fetch_optional(conn)
        .await?;
    let rows: Vec<(Uuid, String, bool)> =
        sql("select c.contact, c.channel, c.granted from {rows} join consents c on c.contact = rows.contact
             where c.tenant = $1")
        .bind(tenant)
        .rows(Rows::new().uuid("contact", people))
        .fetch_all(conn)
        .await?;
    let mut consents = Consents { unknown_permitted: settings.is_none_or(|(is,)| is), ..Consents::default() };
    for (contact, channel, granted) in rows {
        let channel = Channel::parse(&channel)
            .ok_or_else(|| Error::inconsistent("consents", "channel", contact, &channel))?;
        consents.known.insert((ContactId::from_uuid(contact), channel), granted);
    }
    Ok(Approaches::new(consents, contacts))
}

/// What somebody said about a channel.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// Who.
    pub contact: ContactId,
    /// About which channel.
    pub channel: Channel,
    /// Whether it may be used.
    pub granted: bool,
    /// When they said so, in microseconds.
    pub time: i64,
}

/// Keeps what people said; what is older than what is known changes nothing.
///
/// # Errors
/// The store does not answer.
pub async fn put_consents_in_tx(tx: &mut Tx, tenant: &TenantId, said: &[Said]) -> Result<()> {
    sql("insert into consents (tenant, contact, channel, granted, consent_time)
         select $1, contact, channel, granted, consent_time from {rows} where true
         on conflict (tenant, contact, channel) do update set granted = excluded.granted,
            consent_time = excluded.consent_time
         where excluded.consent_time >= consents.consent_time")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("contact", said.iter().map(|one| one.contact.uuid()))
            .text("channel", said.iter().map(|one| one.channel.as_str()))
            .bool("granted", said.iter().map(|one| one.granted))
            .int("consent_time", said.iter().map(|one| one.time)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps whether people may be contacted of whom nothing is known.
///
/// # Errors
/// The store does not answer.
pub async fn put_settings_in_tx(tx: &mut Tx, tenant: &TenantId, unknown_permitted: bool) -> Result<()> {
    sql("insert into privacy_settings (tenant, unknown_permitted) values ($1, $2)
         on conflict (tenant) do update set unknown_permitted = excluded.unknown_permitted")
    .bind(tenant)
    .bind(unknown_permitted)
    .execute(tx)
    .await?;
    Ok(())
}

/// The accounts at which contacts stand.
///
/// # Errors
/// The store does not answer.
pub async fn accounts_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: impl Iterator<Item = ContactId>,
) -> Result<Vec<AccountId>> {
    let rows: Vec<(Uuid,)> =
        sql("select distinct c.account from {rows} join contacts c on c.contact = rows.contact
         where c.tenant = $1")
        .bind(tenant)
        .rows(Rows::new().uuid("contact", contacts.map(ContactId::uuid)))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|(account,)| AccountId::from_uuid(account)).collect())
}

/// Deletes what is kept of a contact; says how many rows of contacts and of consents that were.
///
/// # Errors
/// The store does not answer.
pub async fn delete_in_tx(tx: &mut Tx, tenant: &TenantId, contact: ContactId) -> Result<(u64, u64)> {
    let contacts = sql("delete from contacts where tenant = $1 and contact = $2")
        .bind(tenant)
        .bind(contact)
        .execute(tx)
        .await?;
    let consents = sql("delete from consents where tenant = $1 and contact = $2")
        .bind(tenant)
        .bind(contact)
        .execute(tx)
        .await?;
    Ok((contacts, consents))
}

/// Takes a contact out of the pools; says out of how many.
///
/// # Errors
/// The store does not answer, or a row is damaged.
pub async fn forget_in_pools_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    contact: ContactId,
) -> salient_core::Result<u64> {
    let rows: Vec<(String, String, String)> =
        sql("select seller, day, drafts from pools where tenant = $1 and drafts like $2 {for_update}")
            .bind(tenant)
            .bind(format!("%{}%", contact.uuid()))
            .fetch_all(tx)
            .await?;
    let count = rows.len() as u64;
    for (seller, day, drafts) in rows {
        let mut drafts: Vec<Draft> = serde_json::from_str(&drafts)
            .map_err(|error| Error::inconsistent("pools", "drafts", &seller, error))?;
        for draft in &mut drafts {
            draft.contact.take_if(|named| named.id == contact);
        }
        let drafts = serde_json::to_string(&drafts).map_err(salient_core::Error::internal)?;
        sql("update pools set drafts = $4 where tenant = $1 and seller = $2 and day = $3")
            .bind(tenant)
            .bind(seller)
            .bind(day)
            .bind(drafts)
            .execute(tx)
            .await?;
    }
    Ok(count)
}

/// Takes a contact out of drafts, if somebody erased them meanwhile: what is written now was read
/// before.
///
/// # Errors
/// The store does not answer.
pub async fn without_erased_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    drafts: &mut [Draft],
) -> salient_core::Result<()> {
    let named: HashSet<Uuid> =
        drafts.iter().filter_map(|draft| draft.contact.as_ref()).map(|contact| contact.id.uuid()).collect();
    let erased = salient_events::erasure::erased_in_tx(tx, tenant, named).await?;
    for draft in drafts {
        draft.contact.take_if(|contact| erased.contains(&contact.id.uuid()));
    }
    Ok(())
}

/// Recommendations that name a contact. `account` is where the contact stands: before the column there
/// was, only the frozen value said whom it named.
///
/// # Errors
/// The store does not answer, or a row is damaged.
pub async fn naming(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contact: ContactId,
    account: Option<AccountId>,
) -> Result<Vec<Recommendation>> {
    let mut found = super::recommendations::of_person(conn, tenant, contact, account).await?;
    found.retain(|item| item.frozen.draft.contact.as_ref().is_some_and(|named| named.id == contact));
    Ok(found)
}
