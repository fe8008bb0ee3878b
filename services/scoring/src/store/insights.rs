//! Insights: what a run fitted, and what it kept of each account, product and region.

use chrono::{DateTime, Utc};
use salient_core::{AccountId, Currency, ModelId, Result, TenantId, from_micros};
use salient_store::{Connection, Rows, Tx, sql};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::insight::{Found, Kind};

/// What all insights of a run have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The model version of the run.
    pub model: ModelId,
    /// Nothing at or after this time was used.
    pub as_of: DateTime<Utc>,
    /// The currency of every amount.
    pub currency: Currency,
}

/// What is kept of a kind about one subject, with what was fitted for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Insight<F, T> {
    /// Where it comes from.
    pub source: Source,
    /// The parameters of the run, or why there are none.
    pub fit: Found<F>,
    /// What is kept of the subject, or why nothing is.
    pub kept: Found<T>,
}

/// Keeps what a run fitted, by kind, as JSON.
pub async fn put_fits_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    source: &Source,
    fits: &[(Kind, String)],
) -> Result<()> {
    sql("insert into insight_fits (tenant, model, kind, as_of, currency, body)
         select $1, $2, kind, $3, $4, body from {rows} where true
         on conflict (tenant, model, kind) do update set as_of = excluded.as_of,
            currency = excluded.currency, body = excluded.body")
    .bind(tenant)
    .bind(source.model.uuid())
    .bind(source.as_of)
    .bind(source.currency.as_str())
    .rows(
        Rows::new()
            .text("kind", fits.iter().map(|(kind, _)| kind.as_str()))
            .text("body", fits.iter().map(|(_, body)| body.as_str())),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps what is known of accounts, by kind, as JSON; it takes the place of what was kept before.
pub async fn put_accounts_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    model: ModelId,
    kept: &[(Kind, AccountId, String)],
) -> Result<()> {
    sql("insert into account_insights (tenant, account, kind, model, body)
         select $1, account, kind, $2, body from {rows} where true
         on conflict (tenant, account, kind) do update set model = excluded.model, body = excluded.body")
    .bind(tenant)
    .bind(model.uuid())
    .rows(
        Rows::new()
            .uuid("account", kept.iter().map(|(_, account, _)| account.uuid()))
            .text("kind", kept.iter().map(|(kind, ..)| kind.as_str()))
            .text("body", kept.iter().map(|(.., body)| body.as_str())),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps what is known of products or regions, by kind and name, as JSON.
pub async fn put_named_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    model: ModelId,
    kept: &[(Kind, String, String)],
) -> Result<()> {
    sql("insert into named_insights (tenant, kind, name, model, body)
         select $1, kind, name, $2, body from {rows} where true
         on conflict (tenant, kind, name) do update set model = excluded.model, body = excluded.body")
    .bind(tenant)
    .bind(model.uuid())
    .rows(
        Rows::new()
            .text("kind", kept.iter().map(|(kind, ..)| kind.as_str()))
            .text("name", kept.iter().map(|(_, name, _)| name.as_str()))
            .text("body", kept.iter().map(|(.., body)| body.as_str())),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets what an earlier run kept of products and regions that `model`'s run did not meet.
pub async fn forget_named_in_tx(tx: &mut Tx, tenant: &TenantId, model: ModelId) -> Result<()> {
    sql("delete from named_insights where tenant = $1 and model <> $2")
        .bind(tenant)
        .bind(model.uuid())
        .execute(tx)
        .await?;
    Ok(())
}

/// The account that names the profile of `account`.
pub async fn root_of(conn: &mut impl Connection, tenant: &TenantId, account: AccountId) -> Result<AccountId> {
    let row: Option<(Uuid,)> = sql("select root from account_roots where tenant = $1 and account = $2")
        .bind(tenant)
        .bind(account.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(row.map_or(account, |(root,)| AccountId::from_uuid(root)))
}

/// What the latest run fitted for all; none before the first one.
pub async fn fit<F: DeserializeOwned>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: Kind,
) -> Result<Option<(Source, Found<F>)>> {
    let row: Option<Row> =
        sql(r#"select model, as_of, currency, body as fit, '{"Ok":null}' as kept from insight_fits
         where tenant = $1 and kind = $2 order by as_of desc, model desc limit 1"#)
        .bind(tenant)
        .bind(kind.as_str())
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        let Insight { source, fit, .. } = row.read::<F, ()>()?;
        Ok((source, fit))
    })
    .transpose()
}

/// What is kept of an account; none before the first run that met it.
pub async fn of_account<F: DeserializeOwned, T: DeserializeOwned>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: Kind,
    account: AccountId,
) -> Result<Option<Insight<F, T>>> {
    let row: Option<Row> = sql("select f.model, f.as_of, f.currency, f.body as fit, i.body as kept
         from account_insights i join insight_fits f
            on f.tenant = i.tenant and f.model = i.model and f.kind = i.kind
         where i.tenant = $1 and i.account = $2 and i.kind = $3")
    .bind(tenant)
    .bind(account.uuid())
    .bind(kind.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(Row::read).transpose()
}

/// What is kept of a product or a region; none before the first run that met it.
pub async fn of_name<F: DeserializeOwned, T: DeserializeOwned>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: Kind,
    name: &str,
) -> Result<Option<Insight<F, T>>> {
    let row: Option<Row> = sql("select f.model, f.as_of, f.currency, f.body as fit, i.body as kept
         from named_insights i join insight_fits f
            on f.tenant = i.tenant and f.model = i.model and f.kind = i.kind
         where i.tenant = $1 and i.kind = $2 and i.name = $3")
    .bind(tenant)
    .bind(kind.as_str())
    .bind(name)
    .fetch_optional(conn)
    .await?;
    row.map(Row::read).transpose()
}

#[derive(sqlx::FromRow)]
struct Row {
    model: Uuid,
    as_of: i64,
    currency: String,
    fit: String,
    kept: String,
}

impl Row {
    fn read<F: DeserializeOwned, T: DeserializeOwned>(self) -> Result<Insight<F, T>> {
        let broken = |table, column, detail: String| {
            salient_store::Error::inconsistent(table, column, self.model, detail)
        };
        Ok(Insight {
            source: Source {
                model: ModelId::from_uuid(self.model),
                as_of: from_micros(self.as_of),
                currency: Currency::try_from(self.currency)
                    .map_err(|error| broken("insight_fits", "currency", error.to_string()))?,
            },
            fit: serde_json::from_str(&self.fit)
                .map_err(|error| broken("insight_fits", "body", error.to_string()))?,
            kept: serde_json::from_str(&self.kept)
                .map_err(|error| broken("insights", "body", error.to_string()))?,
        })
    }
}
