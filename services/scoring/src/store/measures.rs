//! What is measured of regions.

use salient_core::TenantId;
use salient_learn::declared::Measure;
use salient_store::{Connection, Result, Rows, Tx, sql};

/// Keeps measures.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, measures: &[Measure]) -> Result<()> {
    sql("insert into measures (tenant, series, region, measure_time, publish_time, value)
         select $1, series, region, measure_time, publish_time, value from {rows} where true
         on conflict (tenant, series, region, measure_time, publish_time) do update set value = excluded.value")
    .bind(tenant)
    .rows(
        Rows::new()
            .text("series", measures.iter().map(|of| of.series.as_str()))
            .text("region", measures.iter().map(|of| of.region.as_str()))
            .int("measure_time", measures.iter().map(|of| of.valid_time))
            .int("publish_time", measures.iter().map(|of| of.published))
            .float("value", measures.iter().map(|of| Some(of.value))),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// All measures.
pub async fn all(conn: &mut impl Connection, tenant: &TenantId) -> Result<Vec<Measure>> {
    let mut found = Vec::new();
    sql("select series, region, measure_time, publish_time, value from measures where tenant = $1
         order by series, region, publish_time, measure_time")
    .bind(tenant)
    .for_each(conn, |(series, region, valid_time, published, value): (String, String, i64, i64, f64)| {
        found.push(Measure { series, region, valid_time, published, value });
    })
    .await?;
    Ok(found)
}

/// A series of a region: its name, the region, how many measures, first and last publication.
pub type Summary = (String, String, i64, i64, i64);

/// Series by name and region, after one.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    after: Option<&(String, String)>,
    limit: i64,
) -> Result<Vec<Summary>> {
    let none = (String::new(), String::new());
    let (series, region) = after.unwrap_or(&none);
    sql("select series, region, count(*), min(publish_time), max(publish_time) from measures
         where tenant = $1 and ($2 = '' or (series, region) > ($2, $3))
         group by series, region order by series, region limit $4")
    .bind(tenant)
    .bind(series)
    .bind(region)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Removes a series; says whether there was one.
pub async fn remove_in_tx(tx: &mut Tx, tenant: &TenantId, series: &str) -> Result<bool> {
    let gone = sql("delete from measures where tenant = $1 and series = $2")
        .bind(tenant)
        .bind(series)
        .execute(tx)
        .await?;
    Ok(gone > 0)
}
