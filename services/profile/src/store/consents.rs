//! What people agreed to.

use salient_core::TenantId;
use salient_proto::profile::v1::{Consent, consent::State};
use salient_store::{Connection, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{
    Kind,
    consent::{Known, Subject},
    record::timestamp,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    contact: Uuid,
    purpose: i64,
    channel: i64,
    state: i64,
    consent_time: i64,
    proof: String,
    source: String,
    record_time: i64,
}

/// A stored number of an enum; an impossible one is no value of the contract.
fn number(stored: i64) -> i32 {
    i32::try_from(stored).unwrap_or_default()
}

impl From<Row> for Consent {
    fn from(row: Row) -> Self {
        Self {
            name: name(row.contact, row.id),
            contact: Kind::Contact.name(row.contact),
            contact_key: None,
            purpose: number(row.purpose),
            channel: number(row.channel),
            state: number(row.state),
            consent_time: Some(timestamp(row.consent_time)),
            proof: row.proof,
            source: row.source,
            record_time: Some(timestamp(row.record_time)),
        }
    }
}

/// The resource name of a consent.
pub fn name(contact: Uuid, id: Uuid) -> String {
    format!("{}/consents/{id}", Kind::Contact.name(contact))
}

/// The consent that says this already, if there is one.
///
/// # Errors
/// What the store says.
pub async fn same_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    subject: Subject,
    time: i64,
    state: i32,
) -> Result<Option<Uuid>> {
    let row: Option<(Uuid,)> =
        sql("select id from consents where tenant = $1 and contact = $2 and purpose = $3
         and channel = $4 and consent_time = $5 and state = $6")
        .bind(tenant)
        .bind(subject.contact)
        .bind(subject.purpose)
        .bind(subject.channel)
        .bind(time)
        .bind(state)
        .fetch_optional(tx)
        .await?;
    Ok(row.map(|(id,)| id))
}

/// Keeps a consent.
///
/// # Errors
/// What the store says.
pub async fn put_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    id: Uuid,
    subject: Subject,
    time: i64,
    consent: &Consent,
    now: i64,
) -> Result<()> {
    sql("insert into consents (tenant, id, contact, purpose, channel, state, consent_time, proof, source, record_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
    .bind(tenant)
    .bind(id)
    .bind(subject.contact)
    .bind(subject.purpose)
    .bind(subject.channel)
    .bind(consent.state)
    .bind(time)
    .bind(consent.proof.as_str())
    .bind(consent.source.as_str())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// The latest grant and the latest withdrawal of `contacts` for a purpose on a channel.
///
/// # Errors
/// What the store says.
pub async fn known_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    contacts: &[Uuid],
    (purpose, channel): (i32, i32),
) -> Result<Known> {
    let rows: Vec<(i64, i64)> = sql("select c.state, max(c.consent_time) from {rows}
             join consents c on c.contact = rows.contact
         where c.tenant = $1 and c.purpose = $2 and c.channel = $3 group by c.state")
    .bind(tenant)
    .bind(purpose)
    .bind(channel)
    .rows(Rows::new().uuid("contact", contacts.iter().copied()))
    .fetch_all(tx)
    .await?;
    let mut known = Known::default();
    for (state, time) in rows {
        match State::try_from(number(state)) {
            Ok(State::Granted) => known.granted = Some(time),
            Ok(State::Withdrawn) => known.withdrawn = Some(time),
            _ => {}
        }
    }
    Ok(known)
}

/// The consents that decide about a person, of those given at or before `until` (microseconds) by any of
/// the records `contacts`: one for each purpose and channel.
///
/// # Errors
/// What the store says.
pub async fn deciding(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: &[Uuid],
    until: i64,
) -> Result<Vec<Consent>> {
    let rows: Vec<Row> =
        sql("select id, contact, purpose, channel, state, consent_time, proof, source, record_time from (
             select c.id, c.contact, c.purpose, c.channel, c.state, c.consent_time, c.proof, c.source,
                    c.record_time,
                    row_number() over (partition by c.purpose, c.channel
                                       order by c.consent_time desc, c.state desc, c.id desc) as place
             from {rows} join consents c on c.contact = rows.contact
             where c.tenant = $1 and c.consent_time <= $2) ranked
         where place = 1 order by purpose, channel")
        .bind(tenant)
        .bind(until)
        .rows(Rows::new().uuid("contact", contacts.iter().copied()))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Consent::from).collect())
}

/// The consents that decide about the people with these profiles, of those given at or before `until`
/// (microseconds), with whose they are: one for each person, purpose and channel.
///
/// # Errors
/// What the store says.
pub async fn deciding_of_profiles(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profiles: &[Uuid],
    until: i64,
) -> Result<Vec<(Uuid, Consent)>> {
    let rows: Vec<OfProfile> =
        sql("select profile, id, contact, purpose, channel, state, consent_time, proof, source, record_time from (
             select people.profile, c.id, c.contact, c.purpose, c.channel, c.state, c.consent_time, c.proof,
                    c.source, c.record_time,
                    row_number() over (partition by people.profile, c.purpose, c.channel
                                       order by c.consent_time desc, c.state desc, c.id desc) as place
             from (select rows.id as profile, rows.id as contact from {rows}
                   union all
                   select rows.id as profile, r.id as contact from {rows}
                   join contacts r on r.tenant = $1 and r.root = rows.id) people
             join consents c on c.tenant = $1 and c.contact = people.contact
             where c.consent_time <= $2) ranked
         where place = 1 order by profile, purpose, channel")
        .bind(tenant)
        .bind(until)
        .rows(Rows::new().uuid("id", profiles.iter().copied()))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.profile, row.consent.into())).collect())
}

#[derive(sqlx::FromRow)]
struct OfProfile {
    profile: Uuid,
    #[sqlx(flatten)]
    consent: Row,
}

/// A consent, with what a list is sorted by.
pub type Listed = ((i64, Uuid), Consent);

/// Consents of these contacts before `before` (time and id), latest first, at most `limit`.
///
/// # Errors
/// What the store says.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: &[Uuid],
    before: (i64, Uuid),
    limit: i64,
) -> Result<Vec<Listed>> {
    let rows: Vec<Row> =
        sql("select c.id, c.contact, c.purpose, c.channel, c.state, c.consent_time, c.proof,
             c.source, c.record_time
         from {rows} join consents c on c.contact = rows.contact
         where c.tenant = $1 and (c.consent_time, c.id) < ($2, $3)
         order by c.consent_time desc, c.id desc limit $4")
        .bind(tenant)
        .bind(before.0)
        .bind(before.1)
        .bind(limit)
        .rows(Rows::new().uuid("contact", contacts.iter().copied()))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| ((row.consent_time, row.id), Consent::from(row))).collect())
}

/// Deletes the consents of these contacts.
///
/// # Errors
/// What the store says.
pub async fn delete_in_tx(tx: &mut Tx, tenant: &TenantId, contacts: &[Uuid]) -> Result<u64> {
    sql("delete from consents where tenant = $1 and contact in (select id from {rows})")
        .bind(tenant)
        .rows(Rows::new().uuid("id", contacts.iter().copied()))
        .execute(tx)
        .await
}
