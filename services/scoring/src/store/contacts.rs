//! Whom we try to reach, who of them is one person, and whether attempts did.

use salient_core::{AccountId, ContactId, Result, TenantId};
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Contact, ProfileRoot},
};
use salient_store::{Connection, Rows, Tx, sql};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::insight::contact_time::{Channel, Person, Tried};

/// What stands for somebody's key at a source: 128 bits of its SHA-256, hexadecimal.
#[must_use]
pub fn person(key: Option<&SourceKey>) -> Option<String> {
    let SourceKey { source, id } = key?;
    let mut hash = Sha256::new();
    hash.update(source.len().to_le_bytes());
    hash.update(source);
    hash.update(id);
    hash.finalize().get(..16).map(hex::encode)
}

/// Keeps contacts, none of which was erased.
///
/// # Errors
/// A name that is none, or what the store says.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, contacts: &[Contact]) -> Result<()> {
    let mut rows = Vec::with_capacity(contacts.len());
    for from in contacts {
        let Some(person) = person(from.source_key.as_ref()) else { continue };
        let account = AccountId::parse_field("account", &from.account)?.uuid();
        rows.push((ContactId::parse_name(&from.name)?.uuid(), account, person, from.time_zone.as_str()));
    }
    sql("insert into contacts (tenant, contact, account, person, time_zone)
         select $1, contact, account, person, time_zone from {rows} where true
         on conflict (tenant, contact) do update set account = excluded.account, person = excluded.person,
            time_zone = excluded.time_zone")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("contact", rows.iter().map(|row| row.0))
            .uuid("account", rows.iter().map(|row| row.1))
            .text("person", rows.iter().map(|row| row.2.as_str()))
            .text("time_zone", rows.iter().map(|row| row.3)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps which contacts are one person; accounts are passed over.
///
/// # Errors
/// A name that is none, or what the store says.
pub async fn put_roots_in_tx(tx: &mut Tx, tenant: &TenantId, told: &[ProfileRoot]) -> Result<()> {
    let (mut merged, mut alone) = (Vec::new(), Vec::new());
    for entry in told.iter().filter(|entry| entry.record.starts_with(ContactId::COLLECTION)) {
        let contact = ContactId::parse_field("record", &entry.record)?.uuid();
        let root = ContactId::parse_field("profile", &entry.profile)?.uuid();
        if contact == root {
            alone.push(contact);
        } else {
            merged.push((contact, root));
        }
    }
    sql("insert into contact_roots (tenant, contact, root) select $1, contact, root from {rows} where true
         on conflict (tenant, contact) do update set root = excluded.root")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("contact", merged.iter().map(|(contact, _)| *contact))
            .uuid("root", merged.iter().map(|(_, root)| *root)),
    )
    .execute(&mut *tx)
    .await?;
    sql("delete from contact_roots where tenant = $1 and contact in (select contact from {rows})")
        .bind(tenant)
        .rows(Rows::new().uuid("contact", alone))
        .execute(tx)
        .await?;
    Ok(())
}

/// All contacts' records, each with the record that names its person and its account's record; the records
/// of one person stand together, the one that names it first.
///
/// # Errors
/// The store fails.
pub async fn all(conn: &mut impl Connection, tenant: &TenantId) -> Result<Vec<(Uuid, Uuid, Uuid)>> {
    let mut rows: Vec<(Uuid, Uuid, Uuid)> =
        sql("select c.contact, coalesce(r.root, c.contact), c.account from contacts c
         left join contact_roots r on r.tenant = $1 and r.contact = c.contact
         where c.tenant = $1")
        .bind(tenant)
        .fetch_all(conn)
        .await?;
    rows.sort_unstable_by_key(|&(contact, root, _)| (root, contact != root, contact));
    Ok(rows)
}

/// A contact; none if it is not known.
///
/// # Errors
/// The store fails.
pub async fn get(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contact: ContactId,
) -> Result<Option<Person>> {
    let row: Option<(Uuid, String, Option<String>)> =
        sql("select coalesce(r.root, c.contact), c.time_zone, a.industry from contacts c
         left join contact_roots r on r.tenant = $1 and r.contact = c.contact
         left join accounts a on a.tenant = $1 and a.account = c.account
         where c.tenant = $1 and c.contact = $2")
        .bind(tenant)
        .bind(contact.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|(id, time_zone, industry)| Person { id, time_zone, segment: industry.unwrap_or_default() }))
}

/// Who a person is, where, which segment that is of, when they were tried, how, and whether it reached them.
type TriedRow = (Uuid, String, Option<String>, i64, String, bool);

fn tried((id, time_zone, industry, time, channel, reached): TriedRow) -> Option<Tried> {
    let person = Person { id, time_zone, segment: industry.unwrap_or_default() };
    Some(Tried { person, time, channel: Channel::parse(&channel)?, reached })
}

/// All attempts before a moment (microseconds UTC).
///
/// # Errors
/// The store fails.
pub async fn attempts(conn: &mut impl Connection, tenant: &TenantId, before: i64) -> Result<Vec<Tried>> {
    let mut found = Vec::new();
    sql("select coalesce(r.root, c.contact), c.time_zone, a.industry, e.event_time, e.kind, e.reached
         from account_events e
         join contacts c on c.tenant = $1 and c.person = e.person
         left join contact_roots r on r.tenant = $1 and r.contact = c.contact
         left join accounts a on a.tenant = $1 and a.account = c.account
         where e.tenant = $1 and e.person is not null and e.reached is not null and e.event_time < $2
         order by e.event_time, e.record")
    .bind(tenant)
    .bind(before)
    .for_each(conn, |row: TriedRow| found.extend(tried(row)))
    .await?;
    Ok(found)
}

/// The attempts to reach a person, under whichever of their records.
///
/// # Errors
/// The store fails.
pub async fn attempts_of(conn: &mut impl Connection, tenant: &TenantId, of: &Person) -> Result<Vec<Tried>> {
    let rows: Vec<(i64, String, bool)> = sql("select e.event_time, e.kind, e.reached from account_events e
         where e.tenant = $1 and e.reached is not null and e.person in (
            select c.person from contacts c where c.tenant = $1 and (c.contact = $2 or c.contact in (
                select r.contact from contact_roots r where r.tenant = $1 and r.root = $2)))
         order by e.event_time, e.record")
    .bind(tenant)
    .bind(of.id)
    .fetch_all(conn)
    .await?;
    let one = |(time, channel, reached): (i64, String, bool)| {
        Some(Tried { person: of.clone(), time, channel: Channel::parse(&channel)?, reached })
    };
    Ok(rows.into_iter().filter_map(one).collect())
}

/// Deletes contacts, and takes them out of what happened with them; says how many of both.
///
/// # Errors
/// The store fails.
pub async fn delete_in_tx(tx: &mut Tx, tenant: &TenantId, contacts: &[Uuid]) -> Result<(u64, u64)> {
    let rows = || Rows::new().uuid("contact", contacts.iter().copied());
    let events = sql("update account_events set person = null where tenant = $1 and person in (
             select c.person from {rows} cross join contacts c where c.tenant = $1 and c.contact = rows.contact)")
    .bind(tenant)
    .rows(rows())
    .execute(&mut *tx)
    .await?;
    for text in [
        "delete from contact_roots where tenant = $1 and contact in (select contact from {rows})",
        "delete from contact_roots where tenant = $1 and root in (select contact from {rows})",
    ] {
        sql(text).bind(tenant).rows(rows()).execute(&mut *tx).await?;
    }
    let people = sql("delete from contacts where tenant = $1 and contact in (select contact from {rows})")
        .bind(tenant)
        .rows(rows())
        .execute(tx)
        .await?;
    Ok((people, events))
}
