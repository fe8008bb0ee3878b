//! People who are erased: what remains of their keys, and the records that speak of them.

use std::collections::HashMap;

use salient_core::TenantId;
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, Contact, Interaction, Opportunity},
};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::{Stored, identity, matches, merges};
use crate::domain::person::{Buried, Forget as _, Person, digest};

/// What is known of these keys of persons, of those whom somebody erased. A tenant without any
/// erasure costs one look at one row.
///
/// # Errors
/// What the store says.
pub async fn buried(
    conn: &mut impl Connection,
    tenant: &TenantId,
    keys: &[&SourceKey],
) -> Result<HashMap<SourceKey, Buried>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let Some(salt) = salt(conn, tenant).await? else { return Ok(HashMap::new()) };
    let mut by_digest: HashMap<Vec<u8>, &SourceKey> = HashMap::new();
    for key in keys.iter().copied() {
        by_digest.insert(digest(&salt, key), key);
    }
    let rows: Vec<(Vec<u8>, Option<Uuid>)> =
        sql("select t.digest, t.contact from {rows} join tombstones t on t.digest = rows.digest where t.tenant = $1")
            .bind(tenant)
            .rows(Rows::new().bytes("digest", by_digest.keys()))
            .fetch_all(conn)
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

/// Takes back that a person may be taken up again under one of the ids `contacts`: it needs a consent
/// that is given after `now` (microseconds).
///
/// # Errors
/// What the store says.
pub async fn close_in_tx(tx: &mut Tx, tenant: &TenantId, contacts: &[Uuid], now: i64) -> Result<()> {
    sql("update tombstones set contact = null, erase_time = $2 where tenant = $1 and contact in (select id from {rows})")
        .bind(tenant)
        .bind(now)
        .rows(Rows::new().uuid("id", contacts.iter().copied()))
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

/// Interactions of the accounts `{rows}`.
const INTERACTIONS_AT: &str = "select r.id, r.body, r.create_time from {rows}
     join interactions r on r.account_id = rows.id where r.tenant = $1";
/// Interactions that name one of the contacts whose ids in their sources are `{rows}`.
const INTERACTIONS_NAMING: &str = "select r.id, r.body, r.create_time from {rows}
     join interactions r on r.contact_id = rows.id where r.tenant = $1 and r.contact_id <> ''";
const OPPORTUNITIES_AT: &str = "select r.id, r.body, r.create_time from {rows}
     join opportunities r on r.account_id = rows.id where r.tenant = $1";
const ACCOUNTS: &str = "select r.id, r.body, r.create_time from {rows}
     join accounts r on r.id = rows.id where r.tenant = $1";

/// A record with its id, and the time at which it was first stored.
pub type Near<R> = (Uuid, R, i64);

async fn near<R: Stored>(
    conn: &mut impl Connection,
    text: &'static str,
    tenant: &TenantId,
    rows: Rows<'_>,
) -> Result<Vec<Near<R>>> {
    let rows: Vec<Body> = sql(text).bind(tenant).rows(rows).fetch_all(conn).await?;
    let read = |row: Body| {
        let record = R::decode(row.body.as_slice())
            .map_err(|error| Error::inconsistent(R::TABLE, "body", row.id, error))?;
        Ok((row.id, record, row.create_time))
    };
    rows.into_iter().map(read).collect()
}

/// Interactions of these accounts, and those that may name a contact with one of these keys.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn interactions(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
    keys: &[SourceKey],
) -> Result<Vec<Near<Interaction>>> {
    let at = Rows::new().uuid("id", accounts.iter().copied());
    let mut found = near(conn, INTERACTIONS_AT, tenant, at).await?;
    let naming = Rows::new().text("id", keys.iter().map(|key| key.id.as_str()));
    found.extend(near(conn, INTERACTIONS_NAMING, tenant, naming).await?);
    found.sort_by_key(|(id, ..)| *id);
    found.dedup_by_key(|(id, ..)| *id);
    Ok(found)
}

/// Opportunities of these accounts.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn opportunities(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
) -> Result<Vec<Near<Opportunity>>> {
    near(conn, OPPORTUNITIES_AT, tenant, Rows::new().uuid("id", accounts.iter().copied())).await
}

/// These accounts.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn accounts(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
) -> Result<Vec<Near<Account>>> {
    near(conn, ACCOUNTS, tenant, Rows::new().uuid("id", accounts.iter().copied())).await
}

/// Deletes records of contacts, with what was made of them: unified content, pins, merges and reviews.
/// Says how many of each kind. They do not wait to be compared any more.
///
/// # Errors
/// What the store says.
pub async fn delete_contacts_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    contacts: &[Uuid],
) -> Result<[(&'static str, u64); 5]> {
    let mut counts = [("contacts", 0), ("profiles", 0), ("pins", 0), ("merges", 0), ("reviews", 0)];
    let texts = [
        "delete from contacts where tenant = $1 and id in (select id from {rows})",
        "delete from unified where tenant = $1 and kind = 'contacts' and id in (select id from {rows})",
        "delete from pins where tenant = $1 and kind = 'contacts' and id in (select id from {rows})",
        "delete from merges where tenant = $1 and kind = 'contacts'
             and (one in (select id from {rows}) or other in (select id from {rows}))",
        "delete from matches where tenant = $1 and kind = 'contacts'
             and (one in (select id from {rows}) or other in (select id from {rows}))",
    ];
    for (text, (_, count)) in texts.into_iter().zip(&mut counts) {
        let rows = Rows::new().uuid("id", contacts.iter().copied());
        *count = sql(text).bind(tenant).rows(rows).execute(tx).await?;
    }
    matches::dequeue_in_tx(tx, tenant, Contact::TABLE, contacts).await?;
    Ok(counts)
}

/// Lets the pins of these accounts go that speak of a person; says whose they were, one entry a pin.
///
/// # Errors
/// What the store says.
pub async fn delete_pins_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    accounts: &[Uuid],
    person: &Person,
) -> Result<Vec<Uuid>> {
    let pins = identity::pins::<Account>(tx, tenant, accounts.iter().copied()).await?;
    let mut gone = Vec::new();
    for (account, pins) in pins {
        for pin in pins.iter().filter(|pin| person.stands_in(&pin.value)) {
            identity::put_pin_in_tx::<Account>(tx, tenant, &[account], &pin.field, None).await?;
            gone.push(account);
        }
    }
    gone.sort_unstable();
    Ok(gone)
}

/// Takes a person out of what was said of merges of these accounts and of pairs of them; says of how
/// many.
///
/// # Errors
/// What the store says, or a row that cannot be read.
pub async fn forget_in_merges_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    accounts: &[Uuid],
    person: &Person,
) -> Result<(u64, u64)> {
    let (mut merges_changed, mut pairs_changed) = (0, 0);
    for mut edge in merges::merges(tx, tenant, Some(accounts), Uuid::max(), i64::MAX).await? {
        if edge.merge.forget(person) {
            merges::put_merge_in_tx(tx, tenant, &edge).await?;
            merges_changed += 1;
        }
    }
    for mut pair in matches::of_records(tx, tenant, Account::TABLE, accounts).await? {
        if pair.told.forget(person) {
            matches::put_in_tx(tx, tenant, &pair).await?;
            pairs_changed += 1;
        }
    }
    Ok((merges_changed, pairs_changed))
}

/// Interactions after the id `after`, in the order of their ids, that are of a kind and happened before
/// `before` (microseconds); at most `limit`.
///
/// # Errors
/// What the store says.
pub async fn old_interactions(
    conn: &mut impl Connection,
    tenant: &TenantId,
    after: Uuid,
    (kind, before): (i32, i64),
    limit: u32,
) -> Result<Vec<Uuid>> {
    let found: Vec<(Uuid,)> = sql("select id from interactions
         where tenant = $1 and id > $2 and kind = $3 and occur_time < $4 order by id limit $5")
    .bind(tenant)
    .bind(after)
    .bind(kind)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Deletes those of these interactions that still are of a kind and happened before `before`
/// (microseconds); says of which accounts, one entry an interaction.
///
/// # Errors
/// What the store says.
pub async fn delete_interactions_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: &[Uuid],
    (kind, before): (i32, i64),
) -> Result<Vec<Uuid>> {
    let gone: Vec<(Uuid,)> = sql("delete from interactions
         where tenant = $1 and kind = $2 and occur_time < $3 and id in (select id from {rows})
         returning account_id")
    .bind(tenant)
    .bind(kind)
    .bind(before)
    .rows(Rows::new().uuid("id", ids.iter().copied()))
    .fetch_all(tx)
    .await?;
    Ok(gone.into_iter().map(|(account,)| account).collect())
}
