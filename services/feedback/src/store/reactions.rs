//! Reactions and exposures.

use chrono::{DateTime, Utc};
use salient_core::{
    AccountId, ProductId, ReactionId, RecommendationId, SellerId, TenantId, filter::Term, from_micros,
};
use salient_proto::feedback::v1::Exposure;
use salient_store::{Connection, Error, FilterColumn, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{Action, Effect, Reaction, Reason, Scope};

const COLUMNS: &[FilterColumn] = &[
    FilterColumn::id("recommendation", "recommendation"),
    FilterColumn::plain("seller", "seller"),
    FilterColumn::id("account", "account"),
    FilterColumn::plain("action", "action"),
    FilterColumn::plain("reason", "reason"),
    FilterColumn::plain("react_time", "react_time"),
];

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    reaction: Uuid,
    recommendation: Uuid,
    seller: String,
    account: Uuid,
    product: String,
    action: String,
    reason: String,
    comment: String,
    react_time: i64,
    scope: String,
    until_time: Option<i64>,
    effect: String,
}

impl TryFrom<Row> for Reaction {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let broken =
            |column, detail: &str| Error::inconsistent("reactions", column, row.reaction, detail.to_owned());
        let reason = match row.reason.as_str() {
            "" => None,
            text => Some(Reason::parse(text).ok_or_else(|| broken("reason", text))?),
        };
        Ok(Self {
            id: ReactionId::from_uuid(row.reaction),
            recommendation: RecommendationId::from_uuid(row.recommendation),
            seller: SellerId::try_new(&row.seller).map_err(|error| broken("seller", error.message()))?,
            account: AccountId::from_uuid(row.account),
            product: ProductId::try_new(&row.product).map_err(|error| broken("product", error.message()))?,
            action: Action::parse(&row.action).ok_or_else(|| broken("action", &row.action))?,
            reason,
            react_time: from_micros(row.react_time),
            effect: Effect {
                scope: Scope::parse(&row.scope).ok_or_else(|| broken("scope", &row.scope))?,
                until: row.until_time.map(from_micros),
                text: row.effect.clone(),
            },
            comment: row.comment,
        })
    }
}

/// Keeps a reaction.
pub async fn put_reaction_in_tx(tx: &mut Tx, tenant: &TenantId, from: &Reaction) -> Result<()> {
    sql("insert into reactions (tenant, reaction, recommendation, seller, account, product, action, reason, comment,
            react_time, scope, until_time, effect)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
    .bind(tenant)
    .bind(from.id.uuid())
    .bind(from.recommendation.uuid())
    .bind(from.seller.as_str())
    .bind(from.account.uuid())
    .bind(from.product.as_str())
    .bind(from.action.as_str())
    .bind(from.reason.map_or("", Reason::as_str))
    .bind(from.comment.as_str())
    .bind(from.react_time)
    .bind(from.effect.scope.as_str())
    .bind(from.effect.until)
    .bind(from.effect.text.as_str())
    .execute(tx)
    .await?;
    Ok(())
}

/// Reactions, newest first, before `before` (time and id).
pub async fn list_reactions(
    conn: &mut impl Connection,
    tenant: &TenantId,
    filter: Vec<Term>,
    before: Option<(i64, Uuid)>,
    limit: i64,
) -> Result<Vec<Reaction>> {
    let (time, id) = before.unwrap_or((i64::MAX, Uuid::max()));
    let rows: Vec<Row> = sql(
        "select reaction, recommendation, seller, account, product, action, reason, comment, react_time, scope,
            until_time, effect
         from reactions where tenant = $1 and (react_time, reaction) < ($2, $3) and {filter}
         order by react_time desc, reaction desc limit $4",
    )
    .bind(tenant)
    .bind(time)
    .bind(id)
    .bind(limit)
    .filter(filter, COLUMNS)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Reaction::try_from).collect()
}

/// Keeps exposures; says how many were new.
pub async fn put_exposures_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    entries: &[(RecommendationId, DateTime<Utc>, &Exposure)],
) -> Result<u64> {
    sql("insert into exposures (tenant, recommendation, expose_time, surface, rank)
         select $1, id, expose_time, surface, rank from {rows} where true
         on conflict (tenant, recommendation, expose_time, surface) do nothing")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", entries.iter().map(|entry| entry.0.uuid()))
            .int("expose_time", entries.iter().map(|entry| entry.1))
            .text("surface", entries.iter().map(|entry| entry.2.surface.as_str()))
            .int("rank", entries.iter().map(|entry| i64::from(entry.2.rank))),
    )
    .execute(tx)
    .await
}
