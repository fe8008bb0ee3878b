//! What subjects say of themselves, over time.

use std::collections::BTreeMap;

use salient_core::TenantId;
use salient_learn::declared::{Raw, RawAttribute};
use salient_store::{Connection, Result, Rows, Tx, sql};
use uuid::Uuid;

/// A value that is told of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The value; empty for none.
    pub value: String,
    /// Whether the first one is taken to have held since the subject began.
    pub held: bool,
}

/// What a subject says of itself, by name, from a moment on (microseconds UTC).
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// An account's or a contact's record, or an opportunity.
    pub subject: Uuid,
    /// From when on it is known.
    pub known: i64,
    /// Values by name; what is not named has none.
    pub values: BTreeMap<String, Told>,
}

/// Notes what has changed: a value that is new, and an empty one for what is said no more.
pub async fn note_in_tx(tx: &mut Tx, tenant: &TenantId, said: &[Said]) -> Result<()> {
    let rows: Vec<(Uuid, String, String)> = sql("select a.subject, a.name, a.value from {rows}
         join attributes a on a.tenant = $1 and a.subject = rows.subject
         order by a.subject, a.name, a.known")
    .bind(tenant)
    .rows(Rows::new().uuid("subject", said.iter().map(|said| said.subject)))
    .fetch_all(&mut *tx)
    .await?;
    // ascending: the latest stays
    let before: BTreeMap<(Uuid, String), String> =
        rows.into_iter().map(|(subject, name, value)| ((subject, name), value)).collect();
    let mut changes: Vec<(Uuid, &str, i64, &str, bool)> = Vec::new();
    for said in said {
        let subject = said.subject;
        for (name, told) in &said.values {
            let known = before.get(&(subject, name.clone()));
            if known.map_or(!told.value.is_empty(), |known| *known != told.value) {
                changes.push((subject, name, said.known, &told.value, told.held && known.is_none()));
            }
        }
        let range =
            (subject, String::new())..(Uuid::from_u128(subject.as_u128().wrapping_add(1)), String::new());
        for ((_, name), value) in before.range(range) {
            if !value.is_empty() && !said.values.contains_key(name) {
                changes.push((subject, name, said.known, "", false));
            }
        }
    }
    // a value of the same moment takes the place of the one before, and stays the first if that was
    sql("insert into attributes (tenant, subject, name, known, value, is_first)
         select $1, subject, name, known, value, is_first from {rows} where true
         on conflict (tenant, subject, name, known) do update set value = excluded.value")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("subject", changes.iter().map(|change| change.0))
            .text("name", changes.iter().map(|change| change.1))
            .int("known", changes.iter().map(|change| change.2))
            .text("value", changes.iter().map(|change| change.3))
            .bool("is_first", changes.iter().map(|change| change.4)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Adds what these records said, each with its subject's place in `into`.
pub async fn read(
    conn: &mut impl Connection,
    tenant: &TenantId,
    of: &[(Uuid, usize)],
    into: &mut [Raw],
) -> Result<()> {
    let rows: Vec<(i64, i64, String, String, bool)> =
        sql("select rows.place, a.known, a.name, a.value, a.is_first from {rows}
         join attributes a on a.tenant = $1 and a.subject = rows.subject
         order by a.known, a.subject, a.name")
        .bind(tenant)
        .rows(super::places("subject", of))
        .fetch_all(conn)
        .await?;
    for (place, known, name, value, first) in rows {
        if let Some(raw) = into.get_mut(place as usize) {
            raw.attributes.push(RawAttribute { known, name, value, first });
        }
    }
    Ok(())
}

/// What a record said, by name, and from when on it was known (microseconds UTC).
pub async fn of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    subject: Uuid,
) -> Result<Vec<(String, String, i64)>> {
    sql("select name, value, known from attributes where tenant = $1 and subject = $2 order by name, known")
        .bind(tenant)
        .bind(subject)
        .fetch_all(conn)
        .await
}

/// Forgets what accounts and opportunities said of themselves before they said what they say now, and the
/// scores that were made of it; how many rows went.
pub async fn forget_in_tx(tx: &mut Tx, tenant: &TenantId, of: &[Uuid]) -> Result<u64> {
    let gone = [
        "delete from attributes where tenant = $1 and subject in (select subject from {rows})
            and exists (select 1 from attributes later where later.tenant = $1
                and later.subject = attributes.subject and later.name = attributes.name
                and later.known > attributes.known)",
        // what an account's record says, its profile says, and whoever belongs to that has it beside
        "delete from scores where tenant = $1 and declaration <> '' and account in (
            select coalesce(r.root, rows.subject) from {rows}
            left join account_roots r on r.tenant = $1 and r.account = rows.subject)",
        "delete from score_history where tenant = $1 and declaration <> '' and account in (
            select coalesce(r.root, rows.subject) from {rows}
            left join account_roots r on r.tenant = $1 and r.account = rows.subject)",
    ];
    Ok(each_in_tx(tx, tenant, &gone, of).await? + each_in_tx(tx, tenant, &SCORES, of).await?)
}

/// Deletes all that was said of subjects, by themselves and by models; how many rows went.
pub async fn delete_in_tx(tx: &mut Tx, tenant: &TenantId, of: &[Uuid]) -> Result<u64> {
    let said = ["delete from attributes where tenant = $1 and subject in (select subject from {rows})"];
    Ok(each_in_tx(tx, tenant, &said, of).await? + each_in_tx(tx, tenant, &SCORES, of).await?)
}

/// What deletes all that declared models said of subjects.
const SCORES: [&str; 2] = [
    "delete from scores where tenant = $1 and declaration <> '' and subject in (select subject from {rows})",
    "delete from score_history
     where tenant = $1 and declaration <> '' and subject in (select subject from {rows})",
];

async fn each_in_tx(tx: &mut Tx, tenant: &TenantId, texts: &[&'static str], of: &[Uuid]) -> Result<u64> {
    let mut gone = 0;
    for &text in texts {
        let rows = Rows::new().uuid("subject", of.iter().copied());
        gone += sql(text).bind(tenant).rows(rows).execute(&mut *tx).await?;
    }
    Ok(gone)
}
