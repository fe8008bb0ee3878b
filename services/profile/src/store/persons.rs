//! People who are erased: what remains of their keys, and the records that speak of them.

use std::collections::HashMap;

use salient_core::TenantId;
use salient_proto::{common::v1::SourceKey, profile::v1::Contact};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::{Stored, records};
use crate::domain::{
    batch::Write,
    person::{Buried, Forget, Person, digest},
};

/// What is known of these keys of persons, of those whom somebody erased. A tenant without any
/// erasure costs one look at one row.
///
/// # Errors
/// What the store says.
pub async fn buried_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    keys: &[&SourceKey],
) -> Result<HashMap<SourceKey, Buried>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let Some(salt) = salt(tx, tenant).await? else { return Ok(HashMap::new()) };
    let mut by_digest: HashMap<Vec<u8>, &SourceKey> = HashMap::new();
    for key in keys.iter().copied() {
        by_digest.insert(digest(&salt, key), key);
    }
    let rows: Vec<(Vec<u8>, Option<Uuid>)> =
        sql("select t.digest, t.contact from {rows} join tombstones t on t.digest = rows.digest where t.tenant = $1")
            .bind(tenant)
            .rows(Rows::new().bytes("digest", by_digest.keys()))
            .fetch_all(tx)
            .await?;
    let found = rows.into_iter().filter_map(|(digest, contact)| {
        let buried = contact.map_or(Buried::Erased, Buried::Readmitted);
        Some(((*by_digest.get(&digest)?).clone(), buried))
    });
    Ok(found.collect())
}

async fn salt(conn: &mut impl Connection, tenant: &TenantId) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> =
        sql("select salt from tombstone_salts where tenant = $1").bind(tenant).fetch_optional(conn).await?;
    Ok(row.map(|(salt,)| salt))
}

/// Keeps the key of a person as a tombstone. `fresh_salt` becomes the tenant's, if it has none yet.
///
/// # Errors
/// What the store says.
pub async fn bury_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    key: &SourceKey,
    fresh_salt: &[u8],
    now: i64,
) -> Result<()> {
    sql("insert into tombstone_salts (tenant, salt) values ($1, $2) on conflict (tenant) do nothing")
        .bind(tenant)
        .bind(fresh_salt)
        .execute(tx)
        .await?;
    let salt = salt(tx, tenant).await?;
    let salt = salt.ok_or_else(|| Error::inconsistent("tombstone_salts", "salt", tenant, "is missing"))?;
    sql("insert into tombstones (tenant, digest, erase_time) values ($1, $2, $3)
         on conflict (tenant, digest) do update set erase_time = excluded.erase_time, contact = null")
    .bind(tenant)
    .bind(digest(&salt, key))
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// When the person with this key was erased, and the id under which they are taken up again.
///
/// # Errors
/// What the store says.
pub async fn tombstone_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    key: &SourceKey,
) -> Result<Option<(i64, Option<Uuid>)>> {
    let Some(salt) = salt(tx, tenant).await? else { return Ok(None) };
    sql("select erase_time, contact from tombstones where tenant = $1 and digest = $2")
        .bind(tenant)
        .bind(digest(&salt, key))
        .fetch_optional(tx)
        .await
}

/// Lets the person with this key be taken up again, under the id `contact`.
///
/// # Errors
/// What the store says.
pub async fn readmit_in_tx(tx: &mut Tx, tenant: &TenantId, key: &SourceKey, contact: Uuid) -> Result<()> {
    let Some(salt) = salt(tx, tenant).await? else { return Ok(()) };
    sql("update tombstones set contact = $3 where tenant = $1 and digest = $2")
        .bind(tenant)
        .bind(digest(&salt, key))
        .bind(contact)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes back that a person may be taken up again under the id `contact`.
///
/// # Errors
/// What the store says.
pub async fn close_in_tx(tx: &mut Tx, tenant: &TenantId, contact: Uuid) -> Result<()> {
    sql("update tombstones set contact = null where tenant = $1 and contact = $2")
        .bind(tenant)
        .bind(contact)
        .execute(tx)
        .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Body {
    id: Uuid,
    body: Vec<u8>,
    create_time: i64,
}

/// Interactions of an account or that name a contact; the id of the contact in its source is `$3`.
pub const INTERACTIONS: &str = "select id, body, create_time from interactions
     where tenant = $1 and (account_id = $2 or (contact_id = $3 and contact_id <> ''))";
/// Opportunities of an account.
pub const OPPORTUNITIES: &str =
    "select id, body, create_time from opportunities where tenant = $1 and account_id = $2 and $3 <> ''";
/// An account.
pub const ACCOUNTS: &str =
    "select id, body, create_time from accounts where tenant = $1 and id = $2 and $3 <> ''";

/// Records of one of the queries above, with the time at which each was first stored.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn near<R: Stored>(
    conn: &mut impl Connection,
    text: &'static str,
    tenant: &TenantId,
    contact: &Contact,
    account: Uuid,
) -> Result<Vec<(Uuid, R, i64)>> {
    let id = contact.source_key.as_ref().map(|key| key.id.as_str());
    let rows: Vec<Body> = sql(text).bind(tenant).bind(account).bind(id).fetch_all(conn).await?;
    let read = |row: Body| {
        let record = R::decode(row.body.as_slice())
            .map_err(|error| Error::inconsistent(R::TABLE, "body", row.id, error))?;
        Ok((row.id, record, row.create_time))
    };
    rows.into_iter().map(read).collect()
}

/// Takes out of the records of one of the queries above what speaks of a person; gives back those
/// that were changed. `now` is in microseconds.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn forget_in_tx<R: Stored + Forget>(
    tx: &mut Tx,
    text: &'static str,
    tenant: &TenantId,
    contact: &Contact,
    account: Uuid,
    now: i64,
) -> Result<Vec<Write<R>>> {
    let person = Person::of(contact);
    let mut writes = Vec::new();
    for (id, mut record, create_time) in near::<R>(tx, text, tenant, contact, account).await? {
        if record.forget(&person) {
            let Some(key) = record.key().cloned() else { continue };
            writes.push(Write::new(id, key, record, create_time));
        }
    }
    records::write_in_tx(tx, tenant, &writes, now).await?;
    Ok(writes)
}

/// Deletes a contact.
///
/// # Errors
/// What the store says.
pub async fn delete_contact_in_tx(tx: &mut Tx, tenant: &TenantId, contact: Uuid) -> Result<u64> {
    sql("delete from contacts where tenant = $1 and id = $2").bind(tenant).bind(contact).execute(tx).await
}

/// Deletes interactions of a kind that happened before `before` (microseconds), at most `limit`.
///
/// # Errors
/// What the store says.
pub async fn delete_interactions_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    kind: i32,
    before: i64,
    limit: u32,
) -> Result<u64> {
    sql("delete from interactions where tenant = $1 and id in (
             select id from interactions where tenant = $1 and kind = $2 and occur_time < $3 limit $4)")
    .bind(tenant)
    .bind(kind)
    .bind(before)
    .bind(limit)
    .execute(tx)
    .await
}
