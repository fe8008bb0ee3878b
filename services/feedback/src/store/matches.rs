//! What could be an outcome of a recommendation and is not matched yet.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use prost::Message as _;
use salient_core::{
    AccountId, Currency, Money, OpportunityId, OrderId, RecommendationId, SellerId, TenantId, from_micros,
};
use salient_proto::profile::v1 as profile;
use salient_store::{Connection as _, Engine, Error, Result, Tx, sql};
use uuid::Uuid;

use crate::{
    domain::{Join, Kind},
    outcomes::{closing, join, worth},
};

/// Something that came of a recommendation.
#[derive(Debug)]
pub struct Candidate {
    /// Whose.
    pub tenant: TenantId,
    /// The recommendation.
    pub recommendation: RecommendationId,
    /// Whom that was for.
    pub seller: SellerId,
    /// Whom it was about.
    pub account: AccountId,
    /// The account of the order or opportunity: this one, or one that is merged with it.
    pub happened_at: AccountId,
    /// What happened.
    pub kind: Kind,
    /// How it was joined.
    pub join: Join,
    /// The order or opportunity.
    pub subject: String,
    /// What it is worth.
    pub amount: Option<Money>,
    /// When it happened.
    pub time: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct OrderRow {
    tenant: String,
    recommendation: Uuid,
    seller: String,
    account: Uuid,
    member: Uuid,
    product: String,
    token: String,
    order_id: Uuid,
    order_time: i64,
    order_token: String,
    currency: String,
    lines: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct OpportunityRow {
    tenant: String,
    recommendation: Uuid,
    seller: String,
    account: Uuid,
    member: Uuid,
    product: String,
    token: String,
    opportunity: Uuid,
    about: String,
    state: i64,
    amount_minor: Option<i64>,
    currency: Option<String>,
    open_time: i64,
    close_time: Option<i64>,
    opportunity_token: String,
}

fn ids(table: &'static str, tenant: &str, seller: &str, key: Uuid) -> Result<(TenantId, SellerId)> {
    let broken =
        |column, error: salient_core::Error| Error::inconsistent(table, column, key, error.to_string());
    Ok((
        TenantId::try_from(tenant).map_err(|error| broken("tenant", error))?,
        SellerId::try_new(seller).map_err(|error| broken("seller", error))?,
    ))
}

/// A statement over `asked`: recommendations that may still come true, each under every account of
/// the profile that it is about, as `member`.
macro_rules! asked {
    ($rest:literal) => {
        concat!(
            "with merged as (
                select tenant, account, root as member from account_roots
                union all select tenant, root, account from account_roots
                union all select x.tenant, x.account, y.account from account_roots x
                    join account_roots y on y.tenant = x.tenant and y.root = x.root and y.account <> x.account),
             asked as (
                select r.*, r.account as member from recommendations r where not r.final
                union all select r.*, m.member from recommendations r
                    join merged m on m.tenant = r.tenant and m.account = r.account where not r.final) ",
            $rest
        )
    };
}

/// Waits until no other transaction matches outcomes: what is not matched yet is then still so when it
/// is written. SQLite has one writer anyway.
pub async fn take_turn_in_tx(tx: &mut Tx) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        sql("select pg_advisory_xact_lock(hashtextextended('feedback.matching', 0))").execute(tx).await?;
    }
    Ok(())
}

/// Orders of recommended products within the window, known at `now` and not matched yet. A
/// recommendation comes true once: by the first order that names its token, or else by the first
/// that has its product.
pub async fn orders_in_tx(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<Candidate>> {
    let rows: Vec<OrderRow> = sql(asked!(
        "select r.tenant, r.recommendation, r.seller, r.account, r.member, r.product,
                r.attribution_token as token, o.order_id, o.order_time, o.attribution_token as order_token, o.currency, o.lines
         from asked r
         join orders o on o.tenant = r.tenant and o.account = r.member
             and o.order_time >= r.issue_time and o.order_time < r.window_end and o.order_time <= $1
         where not exists (
             select 1 from outcomes x
             where x.tenant = r.tenant and x.recommendation = r.recommendation and x.kind = 'order')
         order by case when o.attribution_token = r.attribution_token then 0 else 1 end, o.order_time, o.order_id,
             r.recommendation"
    ))
    .bind(now)
    .fetch_all(tx)
    .await?;
    let mut found = Vec::new();
    let mut done = HashSet::new();
    for row in rows {
        let (tenant, seller) = ids("recommendations", &row.tenant, &row.seller, row.recommendation)?;
        let broken = |column, error: String| Error::inconsistent("orders", column, row.order_id, error);
        let currency = Currency::try_from(row.currency.as_str())
            .map_err(|error| broken("currency", error.to_string()))?;
        let order = profile::Order::decode(row.lines.as_slice())
            .map_err(|error| broken("lines", error.to_string()))?;
        let amount = worth(&order.lines, &row.product, currency);
        let token_fits = !row.order_token.is_empty() && row.order_token == row.token;
        let Some(join) = join(token_fits, amount.is_some()) else { continue };
        if !done.insert(row.recommendation) {
            continue;
        }
        found.push(Candidate {
            tenant,
            seller,
            recommendation: RecommendationId::from_uuid(row.recommendation),
            account: AccountId::from_uuid(row.account),
            happened_at: AccountId::from_uuid(row.member),
            kind: Kind::Order,
            join,
            subject: OrderId::from_uuid(row.order_id).name(),
            amount,
            time: from_micros(row.order_time),
        });
    }
    Ok(found)
}

/// Opportunities opened within the window, known at `now`, with what became of them since.
pub async fn opportunities_in_tx(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<Candidate>> {
    let rows: Vec<OpportunityRow> = sql(asked!(
        "select r.tenant, r.recommendation, r.seller, r.account, r.member, r.product,
                r.attribution_token as token, o.opportunity, o.product as about, o.state, o.amount_minor, o.currency, o.open_time, o.close_time,
                o.attribution_token as opportunity_token
         from asked r
         join opportunities o on o.tenant = r.tenant and o.account = r.member
             and o.open_time >= r.issue_time and o.open_time < r.window_end and o.open_time <= $1
         order by o.open_time, o.opportunity, r.recommendation"
    ))
    .bind(now)
    .fetch_all(tx)
    .await?;
    let mut found = Vec::new();
    for row in rows {
        let (tenant, seller) = ids("recommendations", &row.tenant, &row.seller, row.recommendation)?;
        let token_fits = !row.opportunity_token.is_empty() && row.opportunity_token == row.token;
        let Some(join) = join(token_fits, row.about == row.product) else { continue };
        let amount = match (row.amount_minor, row.currency.as_deref().map(Currency::try_from)) {
            (Some(minor), Some(Ok(currency))) => Some(Money::new(minor, currency)),
            _ => None,
        };
        let mut add = |kind, time| {
            found.push(Candidate {
                tenant: tenant.clone(),
                seller: seller.clone(),
                recommendation: RecommendationId::from_uuid(row.recommendation),
                account: AccountId::from_uuid(row.account),
                happened_at: AccountId::from_uuid(row.member),
                kind,
                join,
                subject: OpportunityId::from_uuid(row.opportunity).name(),
                amount,
                time: from_micros(time),
            });
        };
        add(Kind::OpportunityCreated, row.open_time);
        let closed = row.close_time.filter(|time| from_micros(*time) <= now);
        if let (Some(kind), Some(time)) = (closing(row.state), closed) {
            add(kind, time);
        }
    }
    Ok(found)
}

/// Ends the matching of recommendations whose window was over before `before`, unless they were
/// opened again since: what arrives later than that is not joined any more.
pub async fn finalise_in_tx(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sql("update recommendations set final = true
         where not final and window_end < $1 and (reopen_time is null or reopen_time < $1)")
    .bind(before)
    .execute(tx)
    .await?;
    Ok(())
}
