//! Where a tenant's grades begin.

use salient_core::{Error, Result, TenantId};
use salient_store::{Connection, Tx, sql};

use crate::domain::GradeBounds;

/// The bounds; the defaults when none were ever set.
pub async fn get(conn: &mut impl Connection, tenant: &TenantId) -> Result<GradeBounds> {
    let row: Option<(String,)> =
        sql("select body from grade_bounds where tenant = $1").bind(tenant).fetch_optional(conn).await?;
    row.map_or(Ok(GradeBounds::default()), |(body,)| serde_json::from_str(&body).map_err(Error::internal))
}

/// Replaces them.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, bounds: GradeBounds) -> Result<()> {
    let body = serde_json::to_string(&bounds).map_err(Error::internal)?;
    sql("insert into grade_bounds (tenant, body) values ($1, $2)
         on conflict (tenant) do update set body = excluded.body")
    .bind(tenant)
    .bind(body)
    .execute(tx)
    .await?;
    Ok(())
}
