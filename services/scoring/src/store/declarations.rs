//! What tenants declare.

use salient_core::TenantId;
use salient_learn::DAY_US;
use salient_store::{Connection, Error, Result, Tx, sql};

use crate::declarations::Declaration;

#[derive(sqlx::FromRow)]
struct Row {
    declaration: String,
    body: String,
    create_time: i64,
    update_time: i64,
}

#[derive(sqlx::FromRow)]
struct WithFile {
    #[sqlx(flatten)]
    row: Row,
    onnx: Option<Vec<u8>>,
}

impl TryFrom<Row> for Declaration {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let broken = |error: serde_json::Error| {
            Error::inconsistent("model_declarations", "body", &row.declaration, error.to_string())
        };
        Ok(Self {
            said: serde_json::from_str(&row.body).map_err(broken)?,
            create_time: row.create_time,
            update_time: row.update_time,
            id: row.declaration,
        })
    }
}

/// One of them.
pub async fn get(conn: &mut impl Connection, tenant: &TenantId, id: &str) -> Result<Option<Declaration>> {
    let row: Option<Row> = sql("select declaration, body, create_time, update_time from model_declarations
         where tenant = $1 and declaration = $2")
    .bind(tenant)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(Declaration::try_from).transpose()
}

/// One of them, with the file of a model brought along; that is empty without one.
pub async fn with_file(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<(Declaration, Vec<u8>)>> {
    let row: Option<WithFile> =
        sql("select declaration, body, create_time, update_time, onnx from model_declarations
         where tenant = $1 and declaration = $2")
        .bind(tenant)
        .bind(id)
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok((Declaration::try_from(row.row)?, row.onnx.unwrap_or_default()))).transpose()
}

/// Declarations by id, after one.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    after: &str,
    limit: i64,
) -> Result<Vec<Declaration>> {
    let rows: Vec<Row> = sql("select declaration, body, create_time, update_time from model_declarations
         where tenant = $1 and declaration > $2 order by declaration limit $3")
    .bind(tenant)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Declaration::try_from).collect()
}

/// Whether a declaration is there still; it stays until the transaction ends. The built-in model, which has
/// none, is always there.
pub async fn hold_in_tx(tx: &mut Tx, tenant: &TenantId, id: &str) -> Result<bool> {
    if id.is_empty() {
        return Ok(true);
    }
    let row: Option<(String,)> = sql("select declaration from model_declarations
         where tenant = $1 and declaration = $2 {for_update}")
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx)
    .await?;
    Ok(row.is_some())
}

/// Declares, or replaces, with the file of a model brought along.
pub async fn put_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    of: &Declaration,
    file: &[u8],
) -> salient_core::Result<()> {
    let body = serde_json::to_string(&of.said).map_err(salient_core::Error::internal)?;
    let every = i64::from(of.said.every_days) * DAY_US;
    sql("insert into model_declarations (tenant, declaration, body, create_time, update_time, every_us, due_time,
            onnx)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (tenant, declaration) do update set body = excluded.body, onnx = excluded.onnx,
            update_time = excluded.update_time, every_us = excluded.every_us, due_time = excluded.due_time")
    .bind(tenant)
    .bind(&of.id)
    .bind(body)
    .bind(of.create_time)
    .bind(of.update_time)
    .bind(every)
    .bind((every > 0).then_some(of.update_time + every))
    .bind(file)
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes a declaration with all that was made of it; whether it was there.
pub async fn remove_in_tx(tx: &mut Tx, tenant: &TenantId, id: &str) -> Result<bool> {
    // first: a run that writes holds it, and what it wrote is seen by the statements after this one
    let removed = sql("delete from model_declarations where tenant = $1 and declaration = $2")
        .bind(tenant)
        .bind(id)
        .execute(&mut *tx)
        .await?;
    for text in [
        "delete from score_history where tenant = $1 and declaration = $2",
        "delete from scores where tenant = $1 and declaration = $2",
        "delete from models where tenant = $1 and declaration = $2",
    ] {
        sql(text).bind(tenant).bind(id).execute(&mut *tx).await?;
    }
    Ok(removed > 0)
}

/// The declarations of all tenants whose next run is due at `now` (microseconds UTC), each of which is
/// due again its days later. Nobody else takes them.
pub async fn take_due_in_tx(tx: &mut Tx, now: i64) -> Result<Vec<(String, String)>> {
    let due: Vec<(String, String)> = sql("select tenant, declaration from model_declarations
         where due_time <= $1 order by tenant, declaration {for_update}")
    .bind(now)
    .fetch_all(&mut *tx)
    .await?;
    // from now on, not from when it was due: after a pause nothing is caught up with
    sql("update model_declarations set due_time = $1 + every_us where due_time <= $1")
        .bind(now)
        .execute(tx)
        .await?;
    Ok(due)
}

/// Whether a run of anybody is due at `now` (microseconds UTC).
pub async fn is_any_due(conn: &mut impl Connection, now: i64) -> Result<bool> {
    let (due,): (i64,) =
        sql("select count(*) from model_declarations where due_time <= $1").bind(now).fetch_one(conn).await?;
    Ok(due > 0)
}
