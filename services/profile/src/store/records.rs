//! Writing and reading records.

use std::collections::HashMap;

use salient_core::{
    TenantId,
    filter::{Comparison, Literal, Op},
};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::Stored;
use crate::domain::{
    batch::{Current, Write},
    record::timestamp,
};

/// A record as it is stored.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    body: Vec<u8>,
    create_time: i64,
    update_time: i64,
}

impl Row {
    fn content<R: Stored>(&self) -> Result<R> {
        R::decode(self.body.as_slice()).map_err(|error| Error::inconsistent(R::TABLE, "body", self.id, error))
    }

    /// The record with its times of storage.
    pub(super) fn record<R: Stored>(&self) -> Result<R> {
        let mut record = self.content::<R>()?;
        record.stamp(Some(timestamp(self.create_time)), Some(timestamp(self.update_time)));
        Ok(record)
    }
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
    let rows: Vec<Row> = sql(R::LOAD).bind(tenant).rows(Rows::new().uuid("id", ids)).fetch_all(conn).await?;
    rows.into_iter()
        .map(|row| {
            let current = Current { record: row.content()?, create_time: row.create_time };
            Ok((row.id, current))
        })
        .collect()
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
    filter: Vec<Comparison>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(Uuid, R)>> {
    // Asking for one record by its key is how others find what they sent: it goes by the table
    // of keys instead of along the list.
    let key =
        filter.iter().find_map(|comparison| match (comparison.field, comparison.op, &comparison.value) {
            ("source_id", Op::Eq, Literal::Text(id)) => Some(id.clone()),
            _ => None,
        });
    let query = match key {
        Some(id) => sql(R::LIST_BY_KEY).bind(tenant).bind(after).bind(limit).bind(R::KIND.code()).bind(id),
        None => sql(R::LIST).bind(tenant).bind(after).bind(limit),
    };
    let rows: Vec<Row> = query.filter(filter, R::COLUMNS).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((row.id, row.record()?))).collect()
}
