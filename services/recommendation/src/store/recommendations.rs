//! Issued recommendations.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use salient_core::{
    AccountId, ContactId, ProductId, RecommendationId, SellerId, TenantId, filter::Term, from_micros,
};
use salient_store::{Connection, Error, FilterColumn, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{Recommendation, State};

const COLUMNS: &[FilterColumn] = &[
    FilterColumn::plain("seller", "r.seller"),
    FilterColumn::id("account", "r.account"),
    FilterColumn::plain("state", "r.state"),
    FilterColumn::plain("play", "r.play"),
    FilterColumn::plain("issue_time", "r.issue_time"),
];

/// The columns of a [`Row`], from recommendations `r` and their places `p`.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select r.recommendation, p.seller, p.day, p.rank, r.state, r.state_time, r.attribution_token, r.frozen ",
            $rest
        )
    };
}

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
    sql("insert into recommendations (tenant, recommendation, seller, account, product, play, day, state,
            state_time, issue_time, expire_time, attribution_token, frozen, contact)
         select $1, id, seller, account, product, play, day, state, state_time, issue_time, expire_time,
            token, frozen, contact from {rows} where true
         on conflict (tenant, recommendation) do update set seller = excluded.seller, day = excluded.day,
            state = excluded.state, state_time = excluded.state_time,
            expire_time = excluded.expire_time, frozen = excluded.frozen, contact = excluded.contact")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", items.iter().map(|item| item.id.uuid()))
            .text("seller", items.iter().map(|item| item.seller.as_str()))
            .uuid("account", items.iter().map(|item| item.frozen.draft.account.uuid()))
            .uuid(
                "contact",
                items.iter().map(|item| item.frozen.draft.contact.as_ref().map(|named| named.id.uuid())),
            )
            .text("product", items.iter().map(|item| item.frozen.draft.product.as_str()))
            .text("play", items.iter().map(|item| item.frozen.draft.play.as_str()))
            .text("day", items.iter().map(|item| item.day.to_string()))
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

/// Takes the person out of recommendations; nothing else of them is written, because sellers react
/// and time passes meanwhile.
pub async fn forget_contact_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    items: &[Recommendation],
) -> salient_core::Result<()> {
    let mut frozen = Vec::with_capacity(items.len());
    for item in items {
        let mut nameless = item.frozen.clone();
        nameless.draft.contact = None;
        frozen.push(serde_json::to_string(&nameless).map_err(salient_core::Error::internal)?);
    }
    sql("update recommendations set frozen = rows.frozen, contact = null from {rows}
         where recommendations.tenant = $1 and recommendations.recommendation = rows.id")
    .bind(tenant)
    .rows(Rows::new().uuid("id", items.iter().map(|item| item.id.uuid())).text("frozen", frozen))
    .execute(tx)
    .await?;
    Ok(())
}

/// Puts recommendations on the list of their seller and day, or moves them on it.
pub async fn place_in_tx(tx: &mut Tx, tenant: &TenantId, items: &[Recommendation]) -> Result<()> {
    sql("insert into plan_items (tenant, day, seller, recommendation, rank, probability, amount)
         select $1, day, seller, id, rank, probability, amount from {rows} where true
         on conflict (tenant, day, seller, recommendation) do update set rank = excluded.rank")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", items.iter().map(|item| item.id.uuid()))
            .text("seller", items.iter().map(|item| item.seller.as_str()))
            .text("day", items.iter().map(|item| item.day.to_string()))
            .int("rank", items.iter().map(|item| i64::from(item.rank)))
            .float("probability", items.iter().map(|item| item.frozen.draft.probability))
            .float("amount", items.iter().map(|item| item.frozen.draft.amount.minor_units)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// One recommendation, at its place on the last list it stood on.
pub async fn by_id(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: RecommendationId,
) -> Result<Option<Recommendation>> {
    let row: Option<Row> = sql(select!(
        "from recommendations r join plan_items p on p.tenant = r.tenant and p.recommendation = r.recommendation
            and p.day = r.day and p.seller = r.seller
         where r.tenant = $1 and r.recommendation = $2"
    ))
    .bind(tenant)
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Recommendation::try_from).transpose()
}

/// Everything that stands or stood on a seller's list of a day, by rank.
pub async fn of_day(
    conn: &mut impl Connection,
    tenant: &TenantId,
    day: NaiveDate,
    seller: &SellerId,
) -> Result<Vec<Recommendation>> {
    let rows: Vec<Row> = sql(select!(
        "from plan_items p join recommendations r on r.tenant = p.tenant and r.recommendation = p.recommendation
         where p.tenant = $1 and p.day = $2 and p.seller = $3 order by p.rank, r.recommendation"
    ))
    .bind(tenant)
    .bind(day.to_string())
    .bind(seller.as_str())
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Recommendation::try_from).collect()
}

/// A recommendation as it was promised on the list of a day.
#[derive(Debug, sqlx::FromRow)]
pub struct Promised {
    /// Whose list.
    pub seller: String,
    /// The account.
    pub account: Uuid,
    /// The product.
    pub product: String,
    /// How likely it was said to come true.
    pub probability: f64,
    /// What it was said to be worth, in minor units.
    pub amount: f64,
}

/// What was promised on all lists of a day, by seller and rank.
pub async fn promised_of_day(
    conn: &mut impl Connection,
    tenant: &TenantId,
    day: NaiveDate,
) -> Result<Vec<Promised>> {
    sql("select p.seller, r.account, r.product, p.probability, p.amount
         from plan_items p join recommendations r on r.tenant = p.tenant and r.recommendation = p.recommendation
         where p.tenant = $1 and p.day = $2 and p.probability is not null
         order by p.seller, p.rank, p.recommendation")
    .bind(tenant)
    .bind(day.to_string())
    .fetch_all(conn)
    .await
}

/// The open items of accounts, and those that were put off, whoever's list they stand on.
pub async fn open_of_accounts(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: impl Iterator<Item = AccountId>,
) -> Result<Vec<Recommendation>> {
    let rows: Vec<Row> = sql(select!(
        "from {rows} join recommendations r on r.account = rows.account
            join plan_items p on p.tenant = r.tenant and p.recommendation = r.recommendation
            and p.day = r.day and p.seller = r.seller
         where r.tenant = $1 and r.state in ('issued', 'accepted', 'snoozed') order by r.recommendation"
    ))
    .bind(tenant)
    .rows(Rows::new().uuid("account", accounts.map(AccountId::uuid)))
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Recommendation::try_from).collect()
}

/// Recommendations that may name one of these contacts: those that say so, and those to the accounts.
pub async fn of_people(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: &[ContactId],
    accounts: &[AccountId],
) -> Result<Vec<Recommendation>> {
    let named: Vec<Row> = sql(select!(
        "from recommendations r join plan_items p on p.tenant = r.tenant and p.recommendation = r.recommendation
            and p.day = r.day and p.seller = r.seller
         where r.tenant = $1 and r.contact in (select id from {rows}) order by r.recommendation"
    ))
    .bind(tenant)
    .rows(Rows::new().uuid("id", contacts.iter().map(|contact| contact.uuid())))
    .fetch_all(conn)
    .await?;
    let around: Vec<Row> = sql(select!(
        "from {rows} join recommendations r on r.account = rows.account
            join plan_items p on p.tenant = r.tenant and p.recommendation = r.recommendation
            and p.day = r.day and p.seller = r.seller
         where r.tenant = $1 order by r.recommendation"
    ))
    .bind(tenant)
    .rows(Rows::new().uuid("account", accounts.iter().map(|account| account.uuid())))
    .fetch_all(conn)
    .await?;
    let found = named.into_iter().chain(around).map(Recommendation::try_from);
    let mut found = found.collect::<Result<Vec<_>>>()?;
    found.sort_by_key(|item| item.id.uuid());
    found.dedup_by_key(|item| item.id);
    Ok(found)
}

/// How often each pair of these accounts expired unanswered since `since`; what was withdrawn before
/// its time was not the seller's to answer.
pub async fn unanswered_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    accounts: impl Iterator<Item = AccountId>,
    since: DateTime<Utc>,
) -> Result<Vec<(AccountId, ProductId, i64)>> {
    let rows: Vec<(Uuid, String, i64)> = sql(
        "select r.account, r.product, count(*) from recommendations r join {rows} on rows.account = r.account
         where r.tenant = $1 and r.state = 'expired' and r.state_time >= $2 and r.state_time >= r.expire_time
         group by r.account, r.product",
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
    filter: Vec<Term>,
    before: Option<(i64, Uuid)>,
    limit: i64,
) -> Result<Vec<Recommendation>> {
    let (time, id) = before.unwrap_or((i64::MAX, Uuid::max()));
    let rows: Vec<Row> = sql(select!(
        "from recommendations r join plan_items p on p.tenant = r.tenant and p.recommendation = r.recommendation
            and p.day = r.day and p.seller = r.seller
         where r.tenant = $1 and (r.issue_time, r.recommendation) < ($2, $3) and {filter}
         order by r.issue_time desc, r.recommendation desc limit $4"
    ))
        .bind(tenant)
        .bind(time)
        .bind(id)
        .bind(limit)
        .filter(filter, COLUMNS)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Recommendation::try_from).collect()
}

/// Moves one to another state, unless it is closed.
pub async fn set_state_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    id: RecommendationId,
    state: State,
    now: DateTime<Utc>,
) -> Result<()> {
    sql("update recommendations set state = $3, state_time = $4
         where tenant = $1 and recommendation = $2 and state <> $3 and state in ('issued', 'accepted', 'snoozed')")
    .bind(tenant)
    .bind(id.uuid())
    .bind(state.as_str())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// A statement with the condition for what is overdue at `$1`: what nobody answered in time, and what
/// was taken on at or before `$2` and never done.
macro_rules! when_overdue {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "((state = 'issued' and expire_time <= $1) or (state = 'accepted' and state_time <= $2))",
            $after
        )
    };
}

/// What nobody answered in time, and what was taken on at or before `taken_on` and never done, by tenant.
pub async fn overdue(
    conn: &mut impl Connection,
    now: DateTime<Utc>,
    taken_on: DateTime<Utc>,
) -> Result<BTreeMap<TenantId, Vec<RecommendationId>>> {
    let rows: Vec<(String, Uuid)> =
        sql(when_overdue!("select tenant, recommendation from recommendations where ", ""))
            .bind(now)
            .bind(taken_on)
            .fetch_all(conn)
            .await?;
    let mut found = BTreeMap::<TenantId, Vec<RecommendationId>>::new();
    for (tenant, id) in rows {
        let tenant = TenantId::try_from(tenant.as_str())
            .map_err(|error| Error::inconsistent("recommendations", "tenant", id, error.to_string()))?;
        found.entry(tenant).or_default().push(RecommendationId::from_uuid(id));
    }
    Ok(found)
}

/// Expires those of `ids` that are still [`overdue`]; says which, with the account.
pub async fn expire_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: &[RecommendationId],
    now: DateTime<Utc>,
    taken_on: DateTime<Utc>,
) -> Result<Vec<(RecommendationId, AccountId)>> {
    let rows: Vec<(Uuid, Uuid)> = sql(when_overdue!(
        "update recommendations set state = 'expired', state_time = $1
         where tenant = $3 and recommendation in (select id from {rows}) and ",
        " returning recommendation, account"
    ))
    .bind(now)
    .bind(taken_on)
    .bind(tenant)
    .rows(Rows::new().uuid("id", ids.iter().map(|id| id.uuid())))
    .fetch_all(tx)
    .await?;
    let ids = |(id, account)| (RecommendationId::from_uuid(id), AccountId::from_uuid(account));
    Ok(rows.into_iter().map(ids).collect())
}
