//! Model versions.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use salient_core::{ModelId, TenantId, from_micros};
use salient_store::{Connection, Error, Result, Tx, sql};
use uuid::Uuid;

use crate::domain::{Body, Model, State};

#[derive(sqlx::FromRow)]
struct ModelRow {
    model: Uuid,
    declaration: String,
    version: i64,
    as_of: i64,
    state: String,
    pilot_share: f64,
    live_time: Option<i64>,
    create_time: i64,
    body: String,
}

impl TryFrom<ModelRow> for Model {
    type Error = Error;

    fn try_from(row: ModelRow) -> Result<Self> {
        let broken = |column, detail: String| Error::inconsistent("models", column, row.model, detail);
        let state = match row.state.as_str() {
            "shadow" => State::Shadow,
            "pilot" => State::Pilot(row.pilot_share),
            "live" => State::Live,
            "retired" => State::Retired,
            other => return Err(broken("state", format!("{other:?} is none"))),
        };
        let body = match row.declaration.as_str() {
            "" => serde_json::from_str(&row.body).map(Arc::new).map(Body::Orders),
            _ => serde_json::from_str(&row.body).map(Arc::new).map(Body::Declared),
        };
        Ok(Self {
            id: ModelId::from_uuid(row.model),
            declaration: row.declaration,
            version: i32::try_from(row.version).map_err(|error| broken("version", error.to_string()))?,
            as_of: from_micros(row.as_of),
            state,
            live_time: row.live_time.map(from_micros),
            create_time: from_micros(row.create_time),
            body: body.map_err(|error| broken("body", error.to_string()))?,
        })
    }
}

/// Keeps a new model.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, model: &Model) -> salient_core::Result<()> {
    let body = match &model.body {
        Body::Orders(body) => serde_json::to_string(body.as_ref()),
        Body::Declared(body) => serde_json::to_string(body.as_ref()),
    };
    let body = body.map_err(salient_core::Error::internal)?;
    sql(
        "insert into models (tenant, model, version, as_of, state, pilot_share, live_time, create_time, body,
            declaration)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(tenant)
    .bind(model.id.uuid())
    .bind(i64::from(model.version))
    .bind(model.as_of)
    .bind(model.state.as_str())
    .bind(model.state.pilot_share())
    .bind(model.live_time)
    .bind(model.create_time)
    .bind(body)
    .bind(&model.declaration)
    .execute(tx)
    .await?;
    Ok(())
}

/// Where a version stands, as far as moving it needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The version.
    pub id: ModelId,
    /// From 1.
    pub version: i64,
    /// Whether it is live.
    pub live: bool,
    /// Whether it is a pilot.
    pub pilot: bool,
    /// Whether it ever was live.
    pub was_live: bool,
}

/// Where all versions stand, oldest first. Nobody else moves one until the transaction ends.
pub async fn places_in_tx(tx: &mut Tx, tenant: &TenantId, declaration: &str) -> Result<Vec<Place>> {
    // whoever waits here reads anew what the one before has written
    let rows: Vec<(Uuid, i64, String, Option<i64>)> =
        sql("select model, version, state, live_time from models
             where tenant = $1 and declaration = $2 order by version {for_update}")
        .bind(tenant)
        .bind(declaration)
        .fetch_all(tx)
        .await?;
    let place = |(model, version, state, live): (Uuid, i64, String, Option<i64>)| Place {
        id: ModelId::from_uuid(model),
        version,
        live: state == "live",
        pilot: state == "pilot",
        was_live: live.is_some(),
    };
    Ok(rows.into_iter().map(place).collect())
}

/// Puts a version live; the one that was is retired, and so is a pilot.
pub async fn go_live_in_tx(tx: &mut Tx, tenant: &TenantId, id: ModelId, now: DateTime<Utc>) -> Result<()> {
    sql("update models set state = case when model = $2 then 'live' else 'retired' end, pilot_share = 0,
            live_time = case when model = $2 then $3 else live_time end
         where tenant = $1 and (model = $2 or state in ('live', 'pilot'))
            and declaration = (select declaration from models where tenant = $1 and model = $2)")
    .bind(tenant)
    .bind(id.uuid())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes a version the pilot; the one that was is retired.
pub async fn pilot_in_tx(tx: &mut Tx, tenant: &TenantId, id: ModelId, share: f64) -> Result<()> {
    sql("update models set state = case when model = $2 then 'pilot' else 'retired' end,
            pilot_share = case when model = $2 then $3 else 0 end
         where tenant = $1 and (model = $2 or state = 'pilot')
            and declaration = (select declaration from models where tenant = $1 and model = $2)")
    .bind(tenant)
    .bind(id.uuid())
    .bind(share)
    .execute(tx)
    .await?;
    Ok(())
}

/// Retires the pilot.
pub async fn end_pilot_in_tx(tx: &mut Tx, tenant: &TenantId, declaration: &str) -> Result<()> {
    sql("update models set state = 'retired', pilot_share = 0
         where tenant = $1 and declaration = $2 and state = 'pilot'")
    .bind(tenant)
    .bind(declaration)
    .execute(tx)
    .await?;
    Ok(())
}

/// The version that comes next.
pub async fn next_version_in_tx(tx: &mut Tx, tenant: &TenantId, declaration: &str) -> Result<i32> {
    let (last,): (i64,) =
        sql("select coalesce(max(version), 0) from models where tenant = $1 and declaration = $2")
            .bind(tenant)
            .bind(declaration)
            .fetch_one(tx)
            .await?;
    Ok(i32::try_from(last + 1).unwrap_or(i32::MAX))
}

/// One model.
pub async fn by_id(conn: &mut impl Connection, tenant: &TenantId, id: ModelId) -> Result<Option<Model>> {
    let row: Option<ModelRow> =
        sql("select model, declaration, version, as_of, state, pilot_share, live_time, create_time, body from models
         where tenant = $1 and model = $2")
        .bind(tenant)
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?;
    row.map(Model::try_from).transpose()
}

/// The newest version that was trained as of a moment.
pub async fn as_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    declaration: &str,
    as_of: i64,
) -> Result<Option<Model>> {
    let row: Option<ModelRow> =
        sql("select model, declaration, version, as_of, state, pilot_share, live_time, create_time, body from models
         where tenant = $1 and declaration = $2 and as_of = $3 order by version desc limit 1")
        .bind(tenant)
        .bind(declaration)
        .bind(as_of)
        .fetch_optional(conn)
        .await?;
    row.map(Model::try_from).transpose()
}

/// The versions whose scores are published: the live one and the pilot.
pub async fn published(
    conn: &mut impl Connection,
    tenant: &TenantId,
    declaration: &str,
) -> Result<Vec<Model>> {
    let rows: Vec<ModelRow> =
        sql("select model, declaration, version, as_of, state, pilot_share, live_time, create_time, body from models
         where tenant = $1 and declaration = $2 and state in ('live', 'pilot') order by version")
        .bind(tenant)
        .bind(declaration)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Model::try_from).collect()
}

/// Models, newest version first, below `before`.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    declaration: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Model>> {
    let rows: Vec<ModelRow> =
        sql("select model, declaration, version, as_of, state, pilot_share, live_time, create_time, body from models
         where tenant = $1 and declaration = $2 and version < $3 order by version desc limit $4")
        .bind(tenant)
        .bind(declaration)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Model::try_from).collect()
}
