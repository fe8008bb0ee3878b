//! Whom we try to reach, and whether attempts did.

use salient_core::{AccountId, ContactId, InteractionId, Result, TenantId};
use salient_events::erasure;
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Contact, Interaction, interaction},
};
use salient_store::{Connection, Rows, Tx, sql};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::insight::contact_time::{Channel, Person, Tried};

/// What stands for somebody's key at a source: 128 bits of its SHA-256, hexadecimal.
fn person(key: Option<&SourceKey>) -> Option<String> {
    let SourceKey { source, id } = key?;
    let mut hash = Sha256::new();
    hash.update(source.len().to_le_bytes());
    hash.update(source);
    hash.update(id);
    Some(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// Keeps contacts; who was erased is not taken up again.
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
    let erased = erasure::erased_in_tx(tx, tenant, rows.iter().map(|row| row.0)).await?;
    rows.retain(|row| !erased.contains(&row.0));
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

/// Keeps of interactions which were attempts; what a record said before is replaced.
///
/// # Errors
/// A name that is none, or what the store says.
pub async fn put_attempts_in_tx(tx: &mut Tx, tenant: &TenantId, interactions: &[Interaction]) -> Result<()> {
    let mut records = Vec::with_capacity(interactions.len());
    let mut rows = Vec::new();
    for from in interactions {
        let record = InteractionId::parse_name(&from.name)?.uuid();
        records.push(record);
        let channel = match from.kind() {
            interaction::Kind::Call => Channel::Call,
            interaction::Kind::Email => Channel::Email,
            _ => continue,
        };
        let reached = match from.reach() {
            interaction::Reach::Reached => true,
            interaction::Reach::NotReached => false,
            interaction::Reach::Unspecified => continue,
        };
        let at = from.occur_time.as_ref().and_then(crate::grpc::convert::time);
        if let (Some(person), Some(at)) = (person(from.contact_key.as_ref()), at) {
            rows.push((record, person, at.timestamp_micros(), channel, reached));
        }
    }
    sql("delete from contact_attempts where tenant = $1 and record in (select record from {rows})")
        .bind(tenant)
        .rows(Rows::new().uuid("record", records))
        .execute(tx)
        .await?;
    sql("insert into contact_attempts (tenant, record, person, event_time, channel, reached)
         select $1, record, person, event_time, channel, reached from {rows} where true
         on conflict (tenant, record) do update set person = excluded.person,
            event_time = excluded.event_time, channel = excluded.channel, reached = excluded.reached")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("record", rows.iter().map(|row| row.0))
            .text("person", rows.iter().map(|row| row.1.as_str()))
            .int("event_time", rows.iter().map(|row| row.2))
            .text("channel", rows.iter().map(|row| row.3.as_str()))
            .bool("reached", rows.iter().map(|row| row.4)),
    )
    .execute(tx)
    .await?;
    Ok(())
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
    let row: Option<(String, String, Option<String>)> =
        sql("select c.person, c.time_zone, a.industry from contacts c
         left join accounts a on a.tenant = $1 and a.account = c.account
         where c.tenant = $1 and c.contact = $2")
        .bind(tenant)
        .bind(contact.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|(key, time_zone, industry)| Person { key, time_zone, segment: industry.unwrap_or_default() }))
}

/// Where a person is, which segment that is of, when they were tried, how, and whether it reached them.
type TriedRow = (String, String, Option<String>, i64, String, bool);

fn tried((key, time_zone, industry, time, channel, reached): TriedRow) -> Option<Tried> {
    let person = Person { key, time_zone, segment: industry.unwrap_or_default() };
    Some(Tried { person, time, channel: Channel::parse(&channel)?, reached })
}

/// All attempts before a moment (microseconds UTC).
///
/// # Errors
/// The store fails.
pub async fn attempts(conn: &mut impl Connection, tenant: &TenantId, before: i64) -> Result<Vec<Tried>> {
    let mut found = Vec::new();
    sql(
        "select t.person, c.time_zone, a.industry, t.event_time, t.channel, t.reached from contact_attempts t
         join contacts c on c.tenant = $1 and c.person = t.person
         left join accounts a on a.tenant = $1 and a.account = c.account
         where t.tenant = $1 and t.event_time < $2 order by t.event_time, t.record",
    )
    .bind(tenant)
    .bind(before)
    .for_each(conn, |row: TriedRow| found.extend(tried(row)))
    .await?;
    Ok(found)
}

/// The attempts to reach a person.
///
/// # Errors
/// The store fails.
pub async fn attempts_of(conn: &mut impl Connection, tenant: &TenantId, of: &Person) -> Result<Vec<Tried>> {
    let rows: Vec<(i64, String, bool)> = sql("select event_time, channel, reached from contact_attempts
         where tenant = $1 and person = $2 order by event_time, record")
    .bind(tenant)
    .bind(&of.key)
    .fetch_all(conn)
    .await?;
    let one = |(time, channel, reached): (i64, String, bool)| {
        Some(Tried { person: of.clone(), time, channel: Channel::parse(&channel)?, reached })
    };
    Ok(rows.into_iter().filter_map(one).collect())
}

/// Deletes contacts with the attempts to reach them; says how many of both.
///
/// # Errors
/// The store fails.
pub async fn delete_in_tx(tx: &mut Tx, tenant: &TenantId, contacts: &[Uuid]) -> Result<(u64, u64)> {
    let rows = || Rows::new().uuid("contact", contacts.iter().copied());
    let attempts = sql("delete from contact_attempts where tenant = $1 and person in (
             select c.person from {rows} cross join contacts c where c.tenant = $1 and c.contact = rows.contact)")
    .bind(tenant)
    .rows(rows())
    .execute(&mut *tx)
    .await?;
    let people = sql("delete from contacts where tenant = $1 and contact in (select contact from {rows})")
        .bind(tenant)
        .rows(rows())
        .execute(tx)
        .await?;
    Ok((people, attempts))
}
