//! Merges: edges between records, of which profiles are made.

use salient_core::TenantId;
use salient_proto::profile::v1::Merge;
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

/// The records that active merges connect with `record`, itself included, oldest first.
///
/// # Errors
/// What the store says.
pub async fn connected(conn: &mut impl Connection, tenant: &TenantId, record: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = sql("with recursive reached(id) as (
            select id from {rows}
            union
            select case when m.one = r.id then m.other else m.one end
            from reached r join merges m on (m.one = r.id or m.other = r.id)
            where m.tenant = $1 and not m.undone)
         select id from reached order by id")
    .bind(tenant)
    .rows(Rows::new().uuid("id", [record]))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// A merge, with the records it joins.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Its id.
    pub id: Uuid,
    /// The table of its records.
    pub kind: String,
    /// A record.
    pub one: Uuid,
    /// Another.
    pub other: Uuid,
    /// As it is told.
    pub merge: Merge,
}

/// Writes a merge, whole.
///
/// # Errors
/// What the store says.
pub async fn put_merge_in_tx(tx: &mut Tx, tenant: &TenantId, edge: &Edge) -> Result<()> {
    use prost::Message as _;
    sql("insert into merges (tenant, merge, kind, one, other, body, undone) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant, merge) do update set body = excluded.body, undone = excluded.undone")
    .bind(tenant)
    .bind(edge.id)
    .bind(edge.kind.as_str())
    .bind(edge.one)
    .bind(edge.other)
    .bind(edge.merge.encode_to_vec())
    .bind(edge.merge.undo_time.is_some())
    .execute(tx)
    .await?;
    Ok(())
}

type EdgeRow = (Uuid, String, Uuid, Uuid, Vec<u8>);

fn edge((id, kind, one, other, body): EdgeRow) -> Result<Edge> {
    let merge = prost::Message::decode(body.as_slice())
        .map_err(|error: prost::DecodeError| Error::inconsistent("merges", "body", id, error))?;
    Ok(Edge { id, kind, one, other, merge })
}

/// A merge.
///
/// # Errors
/// What the store says.
pub async fn merge(conn: &mut impl Connection, tenant: &TenantId, id: Uuid) -> Result<Option<Edge>> {
    let row: Option<EdgeRow> =
        sql("select merge, kind, one, other, body from merges where tenant = $1 and merge = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(conn)
            .await?;
    row.map(edge).transpose()
}

/// Merges before the id `before`, newest first; those that join one of `records`, if any are given.
///
/// # Errors
/// What the store says.
pub async fn merges(
    conn: &mut impl Connection,
    tenant: &TenantId,
    records: Option<&[Uuid]>,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Edge>> {
    let rows: Vec<EdgeRow> = match records {
        None => {
            sql("select merge, kind, one, other, body from merges where tenant = $1 and merge < $2
                 order by merge desc limit $3")
            .bind(tenant)
            .bind(before)
            .bind(limit)
            .fetch_all(conn)
            .await?
        }
        Some(records) => {
            sql("select merge, kind, one, other, body from merges where tenant = $1 and merge < $2
                 and (one in (select id from {rows}) or other in (select id from {rows}))
                 order by merge desc limit $3")
            .bind(tenant)
            .bind(before)
            .bind(limit)
            .rows(Rows::new().uuid("id", records.iter().copied()))
            .fetch_all(conn)
            .await?
        }
    };
    rows.into_iter().map(edge).collect()
}
