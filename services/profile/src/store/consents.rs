//! What people agreed to.

use salient_core::TenantId;
use salient_proto::profile::v1::Consent;
use salient_store::{Connection, Result, Tx, sql};
use uuid::Uuid;

use crate::domain::{Kind, consent::Subject, record::timestamp};

/// The columns of a [`Row`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, contact, purpose, channel, state, consent_time, proof, source, record_time from consents ",
            $rest
        )
    };
}

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

/// The time and state of the consent that holds about `subject`, if any is known.
///
/// # Errors
/// What the store says.
pub async fn holding_in_tx(tx: &mut Tx, tenant: &TenantId, subject: Subject) -> Result<Option<(i64, i32)>> {
    let row: Option<(i64, i64)> = sql("select consent_time, state from consents
         where tenant = $1 and contact = $2 and purpose = $3 and channel = $4
         order by consent_time desc, state desc limit 1")
    .bind(tenant)
    .bind(subject.contact)
    .bind(subject.purpose)
    .bind(subject.channel)
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|(time, state)| (time, number(state))))
}

/// The consents that decide about a contact, of those given at or before `until` (microseconds): one
/// for each purpose and channel.
///
/// # Errors
/// What the store says.
pub async fn deciding(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contact: Uuid,
    until: i64,
) -> Result<Vec<Consent>> {
    let rows: Vec<Row> = sql(
        "select id, contact, purpose, channel, state, consent_time, proof, source, record_time from (
             select id, contact, purpose, channel, state, consent_time, proof, source, record_time,
                    row_number() over (partition by purpose, channel order by consent_time desc, state desc) as place
             from consents where tenant = $1 and contact = $2 and consent_time <= $3) ranked
         where place = 1 order by purpose, channel",
    )
    .bind(tenant)
    .bind(contact)
    .bind(until)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Consent::from).collect())
}

/// A consent, with what a list is sorted by.
pub type Listed = ((i64, Uuid), Consent);

/// Consents of a contact before `before` (time and id), latest first, at most `limit`.
///
/// # Errors
/// What the store says.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contact: Uuid,
    before: (i64, Uuid),
    limit: i64,
) -> Result<Vec<Listed>> {
    let rows: Vec<Row> = sql(select!(
        "where tenant = $1 and contact = $2 and (consent_time, id) < ($3, $4)
         order by consent_time desc, id desc limit $5"
    ))
    .bind(tenant)
    .bind(contact)
    .bind(before.0)
    .bind(before.1)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.consent_time, row.id), Consent::from(row))).collect())
}

/// Deletes the consents of a contact.
///
/// # Errors
/// What the store says.
pub async fn delete_in_tx(tx: &mut Tx, tenant: &TenantId, contact: Uuid) -> Result<u64> {
    sql("delete from consents where tenant = $1 and contact = $2")
        .bind(tenant)
        .bind(contact)
        .execute(tx)
        .await
}
