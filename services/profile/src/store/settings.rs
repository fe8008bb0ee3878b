//! The tenants' rules of privacy.

use prost::Message as _;
use salient_core::TenantId;
use salient_proto::profile::v1::PrivacySettings;
use salient_store::{Connection, Error, Result, Tx, sql};

use crate::domain::record::timestamp;

/// The name of the one resource of its kind that a tenant has.
pub const NAME: &str = "privacySettings";

/// A tenant's rules; the defaults when none were ever set.
///
/// # Errors
/// What the store says, or a row that cannot be read.
pub async fn get(conn: &mut impl Connection, tenant: &TenantId) -> Result<PrivacySettings> {
    let row: Option<(Vec<u8>, i64)> = sql("select body, update_time from privacy_settings where tenant = $1")
        .bind(tenant)
        .fetch_optional(conn)
        .await?;
    let Some((body, time)) = row else {
        return Ok(PrivacySettings { name: NAME.to_owned(), ..PrivacySettings::default() });
    };
    Ok(PrivacySettings { update_time: Some(timestamp(time)), ..decode(&body, tenant)? })
}

/// Every tenant's rules, of those that have any.
///
/// # Errors
/// What the store says, or a row that cannot be read.
pub async fn all(conn: &mut impl Connection) -> Result<Vec<(TenantId, PrivacySettings)>> {
    let rows: Vec<(String, Vec<u8>)> =
        sql("select tenant, body from privacy_settings order by tenant").fetch_all(conn).await?;
    rows.into_iter()
        .map(|(name, body)| {
            let tenant = TenantId::try_from(name.as_str())
                .map_err(|error| Error::inconsistent("privacy_settings", "tenant", &name, error))?;
            let settings = decode(&body, &tenant)?;
            Ok((tenant, settings))
        })
        .collect()
}

/// Replaces a tenant's rules. `now` is in microseconds.
///
/// # Errors
/// What the store says.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, settings: &PrivacySettings, now: i64) -> Result<()> {
    sql("insert into privacy_settings (tenant, body, update_time) values ($1, $2, $3)
         on conflict (tenant) do update set body = excluded.body, update_time = excluded.update_time")
    .bind(tenant)
    .bind(settings.encode_to_vec())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

fn decode(body: &[u8], tenant: &TenantId) -> Result<PrivacySettings> {
    PrivacySettings::decode(body)
        .map_err(|error| Error::inconsistent("privacy_settings", "body", tenant, error))
}
