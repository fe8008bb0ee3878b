//! Issued recommendations.

use chrono::{DateTime, NaiveDate, Utc};
use salient_core::{
    AccountId, ProductId, RecommendationId, SellerId, TenantId, filter::Comparison, from_micros,
};
use salient_store::{Connection, Error, FilterColumn, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{Recommendation, State};

const COLUMNS: &[FilterColumn] = &[
    FilterColumn::plain("seller", "seller"),
    FilterColumn::id("account", "account"),
    FilterColumn::plain("state", "state"),
    FilterColumn::plain("play", "play"),
    FilterColumn::plain("issue_time", "issue_time"),
];

#[derive(sqlx::FromRow)]
struct Row {
    recommendation: Uuid,
    seller: String,
    day: String,
    rank: i64,
    state: String,
    state_time: i64,
    attribution_token: String,
    frozen: String,
}

impl TryFrom<Row> for Recommendation {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let id = row.recommendation;
        let broken = |column, detail: String| Error::inconsistent("recommendations", column, id, detail);
        Ok(Self {
            id: RecommendationId::from_uuid(id),
            seller: SellerId::try_new(&row.seller).map_err(|error| broken("seller", error.to_string()))?,
            day: row.day.parse().map_err(|error: chrono::ParseError| broken("day", error.to_string()))?,
            rank: u32::try_from(row.rank).map_err(|error| broken("rank", error.to_string()))?,
            state: State::parse(&row.state).ok_or_else(|| broken("state", row.state.clone()))?,
            state_time: from_micros(row.state_time),
            attribution_token: row.attribution_token,
            frozen: serde_json::from_str(&row.frozen).map_err(|error| broken("frozen", error.to_string()))?,
        })
    }
}

/// Writes recommendations, new ones and changed ones.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, items: &[Recommendation]) -> salient_core::Result<()> {
    let frozen = items
        .iter()
        .map(|item| serde_json::to_string(&item.frozen).map_err(salient_core::Error::internal))
        .collect::<salient_core::Result<Vec<_>>>()?;
    sql("insert into recommendations (tenant, recommendation, seller, account, product, play, day, rank, state,
            state_time, issue_time, expire_time, attribution_token, frozen)
         select $1, id, seller, account, product, play, day, rank, state, state_time, issue_time, expire_time,
            token, frozen from {rows} where true
         on conflict (tenant, recommendation) do update set seller = excluded.seller, day = excluded.day,
            rank = excluded.rank, state = excluded.state, state_time = excluded.state_time,
            expire_time = excluded.expire_time, frozen = excluded.frozen")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", items.iter().map(|item| item.id.uuid()))
            .text("seller", items.iter().map(|item| item.seller.as_str()))
            .uuid("account", items.iter().map(|item| item.frozen.draft.account.uuid()))
            .text("product", items.iter().map(|item| item.frozen.draft.product.as_str()))
            .text("play", items.iter().map(|item| item.frozen.draft.play.as_str()))
            .text("day", items.iter().map(|item| item.day.to_string()))
            .int("rank", items.iter().map(|item| i64::from(item.rank)))
            .text("state", items.iter().map(|item| item.state.as_str()))
            .int("state_time", items.iter().map(|item| item.state_time))
            .int("issue_time", items.iter().map(|item| item.frozen.issue_time))
            .int("expire_time", items.iter().map(|item| item.frozen.expire_time))
            .text("token", items.iter().map(|item| item.attribution_token.as_str()))
            .text("frozen", frozen.iter().map(String::as_str)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// One recommendation.
pub async fn by_id(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: RecommendationId,
) -> Result<Option<Recommendation>> {
    let row: Option<Row> =
        sql("select recommendation, seller, day, rank, state, state_time, attribution_token, frozen
         from recommendations where tenant = $1 and recommendation = $2")
        .bind(tenant)
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?;
    row.map(Recommendation::try_from).transpose()
}

/// Everything that stands or stood on the plans of a day, of one seller or of all, by seller and rank.
pub async fn of_day(
    conn: &mut impl Connection,
    tenant: &TenantId,
    day: NaiveDate,
    seller: Option<&SellerId>,
) -> Result<Vec<Recommendation>> {
    let text = match seller {
        Some(_) => {
            "select recommendation, seller, day, rank, state, state_time, attribution_token, frozen
             from recommendations where tenant = $1 and day = $2 and seller = $3 order by seller, rank"
        }
        None => {
            "select recommendation, seller, day, rank, state, state_time, attribution_token, frozen
             from recommendations where tenant = $1 and day = $2 order by seller, rank"
        }
    };
    let mut query = sql(text).bind(tenant).bind(day.to_string());
    if let Some(seller) = seller {
        query = query.bind(seller.as_str());
    }
    let rows: Vec<Row> = query.fetch_all(conn).await?;
    rows.into_iter().map(Recommendation::try_from).collect()
}

/// The open items of accounts, and those that were put off, whoever's list they stand on.
pub async fn open_of_accounts(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: impl Iterator<Item = AccountId>,
) -> Result<Vec<Recommendation>> {
    let rows: Vec<Row> = sql(
        "select r.recommendation, r.seller, r.day, r.rank, r.state, r.state_time, r.attribution_token, r.frozen
         from recommendations r join {rows} on rows.account = r.account
         where r.tenant = $1 and r.state in ('issued', 'accepted', 'snoozed') order by r.recommendation",
    )
    .bind(tenant)
    .rows(Rows::new().uuid("account", accounts.map(AccountId::uuid)))
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Recommendation::try_from).collect()
}

/// How often each pair of these accounts expired unanswered since `since`.
pub async fn unanswered_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    accounts: impl Iterator<Item = AccountId>,
    since: DateTime<Utc>,
) -> Result<Vec<(AccountId, ProductId, i64)>> {
    let rows: Vec<(Uuid, String, i64)> = sql(
        "select r.account, r.product, count(*) from recommendations r join {rows} on rows.account = r.account
         where r.tenant = $1 and r.state = 'expired' and r.state_time >= $2 group by r.account, r.product",
    )
    .bind(tenant)
    .bind(since)
    .rows(Rows::new().uuid("account", accounts.map(AccountId::uuid)))
    .fetch_all(tx)
    .await?;
    rows.into_iter()
        .map(|(account, product, count)| {
            let product = ProductId::try_new(&product).map_err(|error| {
                Error::inconsistent("recommendations", "product", account, error.to_string())
            })?;
            Ok((AccountId::from_uuid(account), product, count))
        })
        .collect()
}

/// Recommendations, newest first, before `before` (issue time and id).
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    filter: Vec<Comparison>,
    before: Option<(i64, Uuid)>,
    limit: i64,
) -> Result<Vec<Recommendation>> {
    let (time, id) = before.unwrap_or((i64::MAX, Uuid::max()));
    let rows: Vec<Row> =
        sql("select recommendation, seller, day, rank, state, state_time, attribution_token, frozen
         from recommendations where tenant = $1 and (issue_time, recommendation) < ($2, $3) and {filter}
         order by issue_time desc, recommendation desc limit $4")
        .bind(tenant)
        .bind(time)
        .bind(id)
        .bind(limit)
        .filter(filter, COLUMNS)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Recommendation::try_from).collect()
}

/// Moves one to another state, unless it is closed. Returns it when it moved.
pub async fn set_state_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    id: RecommendationId,
    state: State,
    now: DateTime<Utc>,
) -> Result<Option<Recommendation>> {
    let row: Option<Row> = sql(
        "update recommendations set state = $3, state_time = $4
         where tenant = $1 and recommendation = $2 and state <> $3 and state in ('issued', 'accepted', 'snoozed')
         returning recommendation, seller, day, rank, state, state_time, attribution_token, frozen",
    )
    .bind(tenant)
    .bind(id.uuid())
    .bind(state.as_str())
    .bind(now)
    .fetch_optional(tx)
    .await?;
    row.map(Recommendation::try_from).transpose()
}

/// Expires, of all tenants, what nobody answered in time; says which, with the account.
pub async fn expire_in_tx(
    tx: &mut Tx,
    now: DateTime<Utc>,
) -> Result<Vec<(TenantId, RecommendationId, AccountId)>> {
    let rows: Vec<(String, Uuid, Uuid)> = sql("update recommendations set state = 'expired', state_time = $1
         where state = 'issued' and expire_time <= $1 returning tenant, recommendation, account")
    .bind(now)
    .fetch_all(tx)
    .await?;
    rows.into_iter()
        .map(|(tenant, id, account)| {
            let tenant = TenantId::try_from(tenant.as_str())
                .map_err(|error| Error::inconsistent("recommendations", "tenant", id, error.to_string()))?;
            Ok((tenant, RecommendationId::from_uuid(id), AccountId::from_uuid(account)))
        })
        .collect()
}
