//! SQL. Private row types that convert, fallibly, into what the domain speaks of.

pub mod funnel;
pub mod matches;
pub mod outcomes;
pub mod people;
pub mod projection;
pub mod reactions;

pub use outcomes::{list_outcomes, put_outcome_in_tx, retract_outcomes_in_tx};
pub use reactions::{list_reactions, put_exposures_in_tx, put_reaction_in_tx};

use std::collections::HashMap;

use salient_core::{AccountId, ProductId, RecommendationId, SellerId, TenantId, from_micros};
use salient_store::{Error, Migration, Migrations, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::Known;

const STEPS: &[Migration] = &[
    Migration::new(1, "start", include_str!("../../migrations/0001_start.sql")),
    Migration::new(2, "account_names", include_str!("../../migrations/0002_account_names.sql")),
    Migration::new(3, "outcomes_of_merged", include_str!("../../migrations/0003_outcomes_of_merged.sql")),
    Migration::new(4, "privacy", include_str!("../../migrations/0004_privacy.sql")),
    Migration::new(5, "reopened", include_str!("../../migrations/0005_reopened.sql")),
];

/// What this service's database needs: the crates' tables, then its own.
#[must_use]
pub fn migrations() -> Migrations {
    Migrations::common()
        .with(salient_events::migrations())
        .with(salient_ledger::roots::migrations())
        .with(Migrations::new("feedback", STEPS))
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    seller: String,
    account: Uuid,
    account_name: String,
    product: String,
    product_name: String,
    attribution_token: String,
    issue_time: i64,
    window_end: i64,
    closed: bool,
}

/// What is known of a recommendation.
pub async fn known_in_tx(tx: &mut Tx, tenant: &TenantId, id: RecommendationId) -> Result<Option<Known>> {
    let row: Option<KnownRow> =
        sql("select seller, account, account_name, product, product_name, attribution_token, issue_time,
            window_end, closed
         from recommendations where tenant = $1 and recommendation = $2 {for_update}")
        .bind(tenant)
        .bind(id.uuid())
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let broken = |column, error: salient_core::Error| {
        Error::inconsistent("recommendations", column, id, error.to_string())
    };
    Ok(Some(Known {
        id,
        seller: SellerId::try_new(&row.seller).map_err(|error| broken("seller", error))?,
        account: AccountId::from_uuid(row.account),
        account_name: row.account_name,
        product: ProductId::try_new(&row.product).map_err(|error| broken("product", error))?,
        product_name: row.product_name,
        attribution_token: row.attribution_token,
        issue_time: from_micros(row.issue_time),
        window_end: from_micros(row.window_end),
        closed: row.closed,
    }))
}

/// Whose these recommendations are, of those that exist.
pub async fn sellers_of_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: impl Iterator<Item = RecommendationId>,
) -> Result<HashMap<RecommendationId, String>> {
    let rows: Vec<(Uuid, String)> = sql(
        "select distinct r.recommendation, r.seller from recommendations r join {rows} on rows.id = r.recommendation
         where r.tenant = $1",
    )
    .bind(tenant)
    .rows(Rows::new().uuid("id", ids.map(RecommendationId::uuid)))
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|(id, seller)| (RecommendationId::from_uuid(id), seller)).collect())
}

/// Closes recommendations: no reaction is taken any more.
pub async fn close_in_tx(tx: &mut Tx, tenant: &TenantId, ids: &[RecommendationId]) -> Result<()> {
    sql("update recommendations set closed = true where tenant = $1 and recommendation in (select id from {rows})")
        .bind(tenant)
        .rows(Rows::new().uuid("id", ids.iter().map(|id| id.uuid())))
        .execute(tx)
        .await?;
    Ok(())
}
