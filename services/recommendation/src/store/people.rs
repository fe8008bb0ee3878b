//! People: whom sellers may speak to, and what names them.

use std::collections::{HashMap, HashSet};

use salient_core::{AccountId, ContactId, TenantId};
use salient_events::erasure::{self, How, Traces};
use salient_ledger::roots::Roots;
use salient_proto::profile::v1::ProfileRoot;
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{
    Contact, Draft, Recommendation,
    approach::{Approaches, Consents},
    draft::Channel,
};

/// Whom sellers may speak to at `accounts`, by profile. `named` are the people whom items on a list
/// name already.
///
/// # Errors
/// The store does not answer, or a row is damaged.
pub async fn approaches(
    conn: &mut impl Connection,
    tenant: &TenantId,
    roots: &Roots,
    accounts: impl IntoIterator<Item = AccountId>,
    named: impl IntoIterator<Item = ContactId>,
) -> Result<Approaches> {
    let mut rows: Vec<(String, Uuid, Uuid, String, bool, bool)> =
        sql("select c.sort_key, c.contact, c.account, c.display_name, c.has_phone, c.has_email
             from {rows} join contacts c on c.account = rows.account where c.tenant = $1
                 and not exists (select 1 from contact_roots r where r.tenant = $1 and r.contact = c.contact)")
        .bind(tenant)
        .rows(Rows::new().uuid("account", accounts.into_iter().map(AccountId::uuid)))
        .fetch_all(conn)
        .await?;
    // the first by key is the one to speak to; the same in every deployment
    rows.sort_unstable();
    let mut people: HashSet<Uuid> = named.into_iter().map(ContactId::uuid).collect();
    let mut contacts: HashMap<AccountId, Vec<Contact>> = HashMap::new();
    for (_, id, account, name, has_phone, has_email) in rows {
        people.insert(id);
        let contact = Contact { id: ContactId::from_uuid(id), name, has_phone, has_email };
        contacts.entry(roots.of(AccountId::from_uuid(account))).or_default().push(contact);
    }
    let settings: Option<(bool,)> = sql("select unknown_permitted from privacy_settings where tenant = $1")
        .bind(tenant)
        .fetch_optional(conn)
        .await?;
    let merged = merged(conn, tenant, &people).await?;
    let known = said_by(conn, tenant, &people, &merged).await?;
    let consents = Consents { unknown_permitted: settings.is_none_or(|(is,)| is), known };
    let merged = merged.into_iter().map(|(id, root)| (ContactId::from_uuid(id), ContactId::from_uuid(root)));
    Ok(Approaches::new(consents, contacts, merged.collect()))
}

/// Those of these people who are one person with another one, who stands for them.
async fn merged(
    conn: &mut impl Connection,
    tenant: &TenantId,
    people: &HashSet<Uuid>,
) -> Result<HashMap<Uuid, Uuid>> {
    let rows: Vec<(Uuid, Uuid)> = sql("select r.contact, r.root from {rows}
         join contact_roots r on r.contact = rows.contact where r.tenant = $1")
    .bind(tenant)
    .rows(Rows::new().uuid("contact", people.iter().copied()))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// What holds for people. Consents stay with the record for which they were given; for a person of
/// several records the latest of all holds, and of the same moment the withdrawal.
async fn said_by(
    conn: &mut impl Connection,
    tenant: &TenantId,
    people: &HashSet<Uuid>,
    merged: &HashMap<Uuid, Uuid>,
) -> Result<HashMap<(ContactId, Channel), bool>> {
    let root = |contact: &Uuid| merged.get(contact).copied().unwrap_or(*contact);
    let wanted: HashSet<Uuid> = people.iter().map(root).collect();
    let rows: Vec<(Uuid, String, bool, i64)> =
        sql("select rows.contact, c.channel, c.granted, c.consent_time from {rows}
             join consents c on c.contact = rows.contact where c.tenant = $1
             union all
             select rows.contact, c.channel, c.granted, c.consent_time from {rows}
             join contact_roots r on r.root = rows.contact and r.tenant = $1
             join consents c on c.contact = r.contact where c.tenant = $1")
        .bind(tenant)
        .rows(Rows::new().uuid("contact", wanted))
        .fetch_all(conn)
        .await?;
    let mut latest: HashMap<(Uuid, Channel), (i64, bool)> = HashMap::new();
    for (contact, channel, granted, time) in rows {
        let channel = Channel::parse(&channel)
            .ok_or_else(|| Error::inconsistent("consents", "channel", contact, &channel))?;
        let found = latest.entry((contact, channel)).or_insert((time, !granted));
        *found = (*found).max((time, !granted));
    }
    let mut known = HashMap::new();
    for person in people {
        for channel in [Channel::Call, Channel::Email] {
            if let Some((_, withdrawn)) = latest.get(&(root(person), channel)) {
                known.insert((ContactId::from_uuid(*person), channel), !withdrawn);
            }
        }
    }
    Ok(known)
}

/// Keeps which contacts are one person with another one, as the profile service tells; returns the
/// accounts of those who were one person before or are now. Accounts are passed over.
///
/// # Errors
/// A name that is none, or what the store says.
pub async fn put_roots_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    told: &[ProfileRoot],
) -> salient_core::Result<Vec<AccountId>> {
    let mut pairs = Vec::new();
    for entry in told.iter().filter(|entry| entry.record.starts_with(ContactId::COLLECTION)) {
        let contact = ContactId::parse_field("record", &entry.record)?;
        pairs.push((contact, ContactId::parse_field("profile", &entry.profile)?));
    }
    let erased = erasure::erased_in_tx(tx, tenant, pairs.iter().map(|(contact, _)| contact.uuid())).await?;
    pairs.retain(|(contact, _)| !erased.contains(&contact.uuid()));
    let people: Vec<ContactId> = pairs.iter().flat_map(|(contact, root)| [*contact, *root]).collect();
    let mut touched = accounts_of(tx, tenant, people.iter().copied()).await?;
    let (merged, alone): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(contact, root)| contact != root);
    sql("insert into contact_roots (tenant, contact, root) select $1, contact, root from {rows} where true
         on conflict (tenant, contact) do update set root = excluded.root")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("contact", merged.iter().map(|(contact, _)| contact.uuid()))
            .uuid("root", merged.iter().map(|(_, root)| root.uuid())),
    )
    .execute(tx)
    .await?;
    sql("delete from contact_roots where tenant = $1 and contact in (select contact from {rows})")
        .bind(tenant)
        .rows(Rows::new().uuid("contact", alone.iter().map(|(contact, _)| contact.uuid())))
        .execute(tx)
        .await?;
    touched.extend(accounts_of(tx, tenant, people.into_iter()).await?);
    Ok(touched)
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

/// What is kept of these contacts.
///
/// # Errors
/// The store does not answer.
pub async fn contacts(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: &[ContactId],
) -> Result<Vec<Contact>> {
    let rows: Vec<(Uuid, String, bool, bool)> =
        sql("select c.contact, c.display_name, c.has_phone, c.has_email
             from {rows} join contacts c on c.contact = rows.id where c.tenant = $1 order by c.contact")
        .bind(tenant)
        .rows(Rows::new().uuid("id", contacts.iter().map(|contact| contact.uuid())))
        .fetch_all(conn)
        .await?;
    let contact = |(id, name, has_phone, has_email)| Contact {
        id: ContactId::from_uuid(id),
        name,
        has_phone,
        has_email,
    };
    Ok(rows.into_iter().map(contact).collect())
}

/// What these contacts said.
///
/// # Errors
/// The store does not answer, or a row is damaged.
pub async fn consents(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: &[ContactId],
) -> Result<Vec<Said>> {
    let rows: Vec<(Uuid, String, bool, i64)> =
        sql("select c.contact, c.channel, c.granted, c.consent_time
             from {rows} join consents c on c.contact = rows.id where c.tenant = $1 order by c.contact, c.channel")
        .bind(tenant)
        .rows(Rows::new().uuid("id", contacts.iter().map(|contact| contact.uuid())))
        .fetch_all(conn)
        .await?;
    let said = |(contact, channel, granted, time): (Uuid, String, bool, i64)| {
        let channel = Channel::parse(&channel)
            .ok_or_else(|| Error::inconsistent("consents", "channel", contact, &channel))?;
        Ok(Said { contact: ContactId::from_uuid(contact), channel, granted, time })
    };
    rows.into_iter().map(said).collect()
}

/// The accounts at which contacts stand, or others who are one person with them, and every account of
/// the same profiles: what one record says holds for the person, wherever a list names them.
///
/// # Errors
/// The store does not answer.
pub async fn accounts_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: impl Iterator<Item = ContactId>,
) -> Result<Vec<AccountId>> {
    let rows: Vec<(Uuid,)> = sql("with named(contact) as (
             select contact from {rows}
             union select r.root from {rows}
                 join contact_roots r on r.contact = rows.contact where r.tenant = $1),
         people(contact) as (
             select contact from named
             union select r.contact from named n join contact_roots r on r.root = n.contact where r.tenant = $1),
         places(account) as (
             select c.account from people p join contacts c on c.contact = p.contact where c.tenant = $1),
         profiles(account) as (
             select account from places
             union select r.root from places p join account_roots r on r.account = p.account where r.tenant = $1)
         select account from profiles
         union select account from account_roots
             where tenant = $1 and root in (select account from profiles)")
    .bind(tenant)
    .rows(Rows::new().uuid("contact", contacts.map(ContactId::uuid)))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(account,)| AccountId::from_uuid(account)).collect())
}

/// Deletes what is kept of contacts; says how many rows of contacts and of consents that were.
///
/// # Errors
/// The store does not answer.
pub async fn delete_in_tx(tx: &mut Tx, tenant: &TenantId, contacts: &[ContactId]) -> Result<(u64, u64)> {
    let mut gone = [0; 3];
    let texts = [
        "delete from contacts where tenant = $1 and contact in (select id from {rows})",
        "delete from consents where tenant = $1 and contact in (select id from {rows})",
        "delete from contact_roots where tenant = $1 and contact in (select id from {rows})",
    ];
    for (text, count) in texts.into_iter().zip(&mut gone) {
        let rows = Rows::new().uuid("id", contacts.iter().map(|contact| contact.uuid()));
        *count = sql(text).bind(tenant).rows(rows).execute(tx).await?;
    }
    Ok((gone[0], gone[1]))
}

/// Takes contacts out of the pools; says out of how many.
///
/// # Errors
/// The store does not answer, or a row is damaged.
pub async fn forget_in_pools_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    contacts: &[ContactId],
) -> salient_core::Result<u64> {
    let mut people = Traces::default();
    people.add(contacts.iter().map(|contact| contact.uuid()), How::Person);
    let mut naming: Vec<(String, String, String)> = Vec::new();
    sql("select seller, day, drafts from pools where tenant = $1 {for_update}")
        .bind(tenant)
        .for_each(tx, |row: (String, String, String)| {
            if people.are_mentioned_in(row.2.as_bytes()) {
                naming.push(row);
            }
        })
        .await?;
    let count = naming.len() as u64;
    for (seller, day, drafts) in naming {
        let mut drafts: Vec<Draft> = serde_json::from_str(&drafts)
            .map_err(|error| Error::inconsistent("pools", "drafts", &seller, error))?;
        for draft in &mut drafts {
            draft.contact.take_if(|named| contacts.contains(&named.id));
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
    let erased = erasure::erased_in_tx(tx, tenant, named).await?;
    for draft in drafts {
        draft.contact.take_if(|contact| erased.contains(&contact.id.uuid()));
    }
    Ok(())
}

/// Recommendations that name one of `contacts`. `accounts` are where they stand: before the column
/// there was, only the frozen value said whom it named.
///
/// # Errors
/// The store does not answer, or a row is damaged.
pub async fn naming(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: &[ContactId],
    accounts: &[AccountId],
) -> Result<Vec<Recommendation>> {
    let mut found = super::recommendations::of_people(conn, tenant, contacts, accounts).await?;
    found.retain(|item| is_named(item, contacts));
    Ok(found)
}

/// Whether a recommendation names one of these contacts.
#[must_use]
pub fn is_named(item: &Recommendation, contacts: &[ContactId]) -> bool {
    item.frozen.draft.contact.as_ref().is_some_and(|named| contacts.contains(&named.id))
}
