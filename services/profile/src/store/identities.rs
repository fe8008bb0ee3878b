//! Which record a key of another system means.

use std::collections::{HashMap, HashSet};

use salient_core::TenantId;
use salient_proto::common::v1::SourceKey;
use salient_store::{Connection, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::Stored;
use crate::domain::{
    Kind,
    batch::{Accounts, Known, Write},
    record::AccountRef,
};

fn keys_as_rows<'a>(keys: &[&'a SourceKey]) -> Rows<'a> {
    Rows::new()
        .text("source_id", keys.iter().map(|key| key.id.as_str()))
        .text("source", keys.iter().map(|key| key.source.as_str()))
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
    let rows: Vec<(String, String, Uuid, Vec<u8>)> =
        sql(R::FIND).bind(tenant).bind(R::KIND.code()).rows(keys_as_rows(keys)).fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(source, id, record, hash)| (SourceKey { source, id }, Known { id: record, hash }))
        .collect())
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
    let (mut keys, mut ids) = (HashSet::new(), HashSet::new());
    for reference in references {
        match reference {
            AccountRef::Key(key) => drop(keys.insert(key)),
            AccountRef::Id(id) => drop(ids.insert(*id)),
            AccountRef::Itself | AccountRef::Missing => {}
        }
    }
    let keys: Vec<&SourceKey> = keys.into_iter().collect();
    let by_key: Vec<(String, String, Uuid)> =
        sql("select i.source, i.source_id, i.id from {rows} cross join identities i
         where i.tenant = $1 and i.kind = $2 and i.source_id = rows.source_id and i.source = rows.source")
        .bind(tenant)
        .bind(Kind::Account.code())
        .rows(keys_as_rows(&keys))
        .fetch_all(conn)
        .await?;
    let by_id: Vec<(Uuid,)> =
        sql("select a.id from {rows} cross join accounts a where a.tenant = $1 and a.id = rows.id")
            .bind(tenant)
            .rows(Rows::new().uuid("id", ids))
            .fetch_all(conn)
            .await?;
    Ok(Accounts {
        by_key: by_key.into_iter().map(|(source, id, account)| (SourceKey { source, id }, account)).collect(),
        ids: by_id.into_iter().map(|(id,)| id).collect(),
    })
}

/// Remembers the keys of new records.
///
/// # Errors
/// What the store says.
pub async fn insert_in_tx<R: Stored>(tx: &mut Tx, tenant: &TenantId, writes: &[Write<R>]) -> Result<()> {
    let new: Vec<&Write<R>> = writes.iter().filter(|write| write.new).collect();
    let keys: Vec<&SourceKey> = new.iter().map(|write| &write.key).collect();
    sql("insert into identities (tenant, kind, source_id, source, id)
         select $1, $2, source_id, source, id from {rows}")
    .bind(tenant)
    .bind(R::KIND.code())
    .rows(keys_as_rows(&keys).uuid("id", new.iter().map(|write| write.id)))
    .execute(tx)
    .await?;
    Ok(())
}
