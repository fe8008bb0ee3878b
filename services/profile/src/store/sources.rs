//! What is known of the systems that send records.

use salient_core::TenantId;
use salient_proto::profile::v1::Source;
use salient_store::{Connection, Error, Result, Rows, Tx, sql};

/// The declared sources, by name.
///
/// # Errors
/// What the store says.
pub async fn sources(conn: &mut impl Connection, tenant: &TenantId) -> Result<Vec<Source>> {
    let rows: Vec<(String, String, i64, bool)> = sql(
        "select source, display_name, trust, has_duplicates from sources where tenant = $1 order by source",
    )
    .bind(tenant)
    .fetch_all(conn)
    .await?;
    let source = |(source, display_name, trust, has_duplicates): (String, String, i64, bool)| {
        let trust = i32::try_from(trust)
            .map_err(|error| Error::inconsistent("sources", "trust", &source, error.to_string()))?;
        Ok(Source { source, display_name, trust, has_duplicates })
    };
    rows.into_iter().map(source).collect()
}

/// Writes sources, whole.
///
/// # Errors
/// What the store says.
pub async fn put_sources_in_tx(tx: &mut Tx, tenant: &TenantId, sources: &[Source]) -> Result<()> {
    sql("insert into sources (tenant, source, display_name, trust, has_duplicates)
         select $1, source, display_name, trust, has_duplicates from {rows} where true
         on conflict (tenant, source) do update set display_name = excluded.display_name,
            trust = excluded.trust, has_duplicates = excluded.has_duplicates")
    .bind(tenant)
    .rows(
        Rows::new()
            .text("source", sources.iter().map(|source| source.source.as_str()))
            .text("display_name", sources.iter().map(|source| source.display_name.as_str()))
            .int("trust", sources.iter().map(|source| i64::from(source.trust)))
            .bool("has_duplicates", sources.iter().map(|source| source.has_duplicates)),
    )
    .execute(tx)
    .await?;
    Ok(())
}
