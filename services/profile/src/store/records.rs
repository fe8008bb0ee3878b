//! Writing and reading records.

use std::collections::{HashMap, HashSet};

use salient_core::{TenantId, filter::Term};
use salient_proto::{common::v1::SourceKey, profile::v1::Account};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::Stored;
use crate::domain::{
    batch::{Accounts, Current, Known, Write},
    record::{AccountRef, timestamp},
};

/// A record as it is stored.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    body: Vec<u8>,
    create_time: i64,
    update_time: i64,
}

fn decode<R: Stored>(id: Uuid, body: &[u8]) -> Result<R> {
    R::decode(body).map_err(|error| Error::inconsistent(R::TABLE, "body", id, error))
}

impl Row {
    /// The record with its times of storage.
    pub(super) fn record<R: Stored>(&self) -> Result<R> {
        let mut record: R = decode(self.id, &self.body)?;
        record.stamp(Some(timestamp(self.create_time)), Some(timestamp(self.update_time)));
        Ok(record)
    }
}

fn keys_as_rows<'a>(keys: &[&'a SourceKey]) -> Rows<'a> {
    Rows::new()
        .text("source_id", keys.iter().map(|key| key.id.as_str()))
        .text("source", keys.iter().map(|key| key.source.as_str()))
}

/// The ids of the records with these keys, as far as there are any.
async fn ids<R: Stored>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    keys: &[&SourceKey],
) -> Result<HashMap<SourceKey, Uuid>> {
    let rows: Vec<(String, String, Option<Uuid>)> =
        sql(R::FIND).bind(tenant).rows(keys_as_rows(keys)).fetch_all(conn).await?;
    let found = rows.into_iter().filter_map(|(source, id, record)| Some((SourceKey { source, id }, record?)));
    Ok(found.collect())
}

/// What is stored under `keys`.
///
/// # Errors
/// What the store says.
pub async fn find<R: Stored>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    keys: &[&SourceKey],
) -> Result<HashMap<SourceKey, Known>> {
    let ids = ids::<R>(conn, tenant, keys).await?;
    let rows: Vec<(Uuid, Option<Vec<u8>>)> = sql(R::HASHES)
        .bind(tenant)
        .rows(Rows::new().uuid("id", ids.values().copied()))
        .fetch_all(conn)
        .await?;
    let mut hashes: HashMap<Uuid, Vec<u8>> =
        rows.into_iter().filter_map(|(id, hash)| Some((id, hash?))).collect();
    Ok(ids.into_iter().filter_map(|(key, id)| Some((key, Known { id, hash: hashes.remove(&id)? }))).collect())
}

/// The accounts that `references` name, as far as they exist.
///
/// # Errors
/// What the store says.
pub async fn accounts<'r>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    references: impl Iterator<Item = &'r AccountRef>,
) -> Result<Accounts> {
    let (mut keys, mut named) = (HashSet::new(), HashSet::new());
    for reference in references {
        match reference {
            AccountRef::Key(key) => drop(keys.insert(key)),
            AccountRef::Id(id) => drop(named.insert(*id)),
            AccountRef::Itself | AccountRef::Missing => {}
        }
    }
    let keys: Vec<&SourceKey> = keys.into_iter().collect();
    let by_key = ids::<Account>(conn, tenant, &keys).await?;
    let rows: Vec<(Uuid, Option<Vec<u8>>)> =
        sql(Account::HASHES).bind(tenant).rows(Rows::new().uuid("id", named)).fetch_all(conn).await?;
    let ids = rows.into_iter().filter_map(|(id, hash)| hash.map(|_| id)).collect();
    Ok(Accounts { by_key, ids })
}

#[derive(sqlx::FromRow)]
struct Content {
    id: Uuid,
    body: Option<Vec<u8>>,
    create_time: Option<i64>,
}

/// The stored records `ids`.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn current<R: Stored>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Current<R>>> {
    let rows: Vec<Content> =
        sql(R::LOAD).bind(tenant).rows(Rows::new().uuid("id", ids)).fetch_all(conn).await?;
    let mut found = HashMap::new();
    for row in rows {
        if let (Some(body), Some(create_time)) = (row.body, row.create_time) {
            found.insert(row.id, Current { record: decode(row.id, &body)?, create_time });
        }
    }
    Ok(found)
}

/// Inserts new records and replaces changed ones. `now` is in microseconds.
///
/// # Errors
/// What the store says.
pub async fn write_in_tx<R: Stored>(
    tx: &mut Tx,
    tenant: &TenantId,
    writes: &[Write<R>],
    now: i64,
) -> Result<()> {
    let rows = Rows::new()
        .uuid("id", writes.iter().map(|write| write.id))
        .text("source", writes.iter().map(|write| write.key.source.as_str()))
        .text("source_id", writes.iter().map(|write| write.key.id.as_str()))
        .bytes("body", writes.iter().map(|write| &write.body))
        .bytes("hash", writes.iter().map(|write| &write.hash));
    sql(R::WRITE).bind(tenant).bind(now).rows(R::columns(rows, writes)).execute(tx).await?;
    Ok(())
}

/// One record.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn get<R: Stored>(conn: &mut impl Connection, tenant: &TenantId, id: Uuid) -> Result<Option<R>> {
    let row: Option<Row> = sql(R::GET).bind(tenant).bind(id).fetch_optional(conn).await?;
    row.map(|row| row.record()).transpose()
}

/// Records after the id `after`, oldest first, at most `limit`.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn list<R: Stored>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    filter: Vec<Term>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(Uuid, R)>> {
    let query = sql(R::LIST).bind(tenant).bind(after).bind(limit).filter(filter, R::COLUMNS);
    let rows: Vec<Row> = query.fetch_all(conn).await?;
    rows.iter().map(|row| Ok((row.id, row.record()?))).collect()
}
