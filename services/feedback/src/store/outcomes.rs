//! Outcomes.

use chrono::{DateTime, Utc};
use salient_core::{
    AccountId, Currency, Money, OutcomeId, RecommendationId, SellerId, TenantId, filter::Term, from_micros,
};
use salient_store::{Connection, Error, FilterColumn, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{Join, Kind, Outcome};

const COLUMNS: &[FilterColumn] = &[
    FilterColumn::id("recommendation", "recommendation"),
    FilterColumn::plain("seller", "seller"),
    FilterColumn::id("account", "account"),
    FilterColumn::plain("kind", "kind"),
    FilterColumn::plain("outcome_time", "outcome_time"),
];

#[derive(sqlx::FromRow)]
struct Row {
    outcome: Uuid,
    recommendation: Uuid,
    seller: String,
    account: Uuid,
    happened_at: Option<Uuid>,
    kind: String,
    joined: String,
    subject: String,
    amount_minor: Option<i64>,
    currency: Option<String>,
    outcome_time: i64,
}

#[derive(sqlx::FromRow)]
struct Retracted {
    tenant: String,
    #[sqlx(flatten)]
    row: Row,
}

impl TryFrom<Row> for Outcome {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let broken =
            |column, detail: &str| Error::inconsistent("outcomes", column, row.outcome, detail.to_owned());
        let currency = row.currency.as_deref().map(Currency::try_from).transpose();
        let currency = currency.map_err(|error| broken("currency", error.message()))?;
        Ok(Self {
            id: OutcomeId::from_uuid(row.outcome),
            recommendation: RecommendationId::from_uuid(row.recommendation),
            seller: SellerId::try_new(&row.seller).map_err(|error| broken("seller", error.message()))?,
            account: AccountId::from_uuid(row.account),
            happened_at: AccountId::from_uuid(row.happened_at.unwrap_or(row.account)),
            kind: Kind::parse(&row.kind).ok_or_else(|| broken("kind", &row.kind))?,
            join: Join::parse(&row.joined).ok_or_else(|| broken("joined", &row.joined))?,
            amount: row.amount_minor.zip(currency).map(|(minor, currency)| Money::new(minor, currency)),
            outcome_time: from_micros(row.outcome_time),
            subject: row.subject,
        })
    }
}

/// Keeps an outcome; says whether it was new.
pub async fn put_outcome_in_tx(tx: &mut Tx, tenant: &TenantId, from: &Outcome) -> Result<bool> {
    let written =
        sql("insert into outcomes (tenant, outcome, recommendation, seller, account, kind, joined, subject,
            amount_minor, currency, outcome_time, happened_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (tenant, recommendation, kind, subject) do nothing")
        .bind(tenant)
        .bind(from.id.uuid())
        .bind(from.recommendation.uuid())
        .bind(from.seller.as_str())
        .bind(from.account.uuid())
        .bind(from.kind.as_str())
        .bind(from.join.as_str())
        .bind(from.subject.as_str())
        .bind(from.amount.map(|amount| amount.minor_units))
        .bind(from.amount.map(|amount| amount.currency.to_string()))
        .bind(from.outcome_time)
        .bind((from.happened_at != from.account).then(|| from.happened_at.uuid()))
        .execute(tx)
        .await?;
    Ok(written == 1)
}

/// Removes the outcomes whose order or opportunity is not of the recommendation's profile any more,
/// opens these recommendations again, and returns the outcomes. Open they stay for a time: of a
/// merge with a further account each account is told by itself, and in between the outcome seems to
/// be of another profile.
pub async fn retract_outcomes_in_tx(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<(TenantId, Outcome)>> {
    let rows: Vec<Retracted> = sql("delete from outcomes where happened_at is not null
            and coalesce((select r.root from account_roots r
                where r.tenant = outcomes.tenant and r.account = outcomes.account), account)
            <> coalesce((select r.root from account_roots r
                where r.tenant = outcomes.tenant and r.account = outcomes.happened_at), happened_at)
         returning tenant, outcome, recommendation, seller, account, happened_at, kind, joined, subject,
            amount_minor, currency, outcome_time")
    .fetch_all(tx)
    .await?;
    let pair = |Retracted { tenant, row }: Retracted| {
        let tenant = TenantId::try_from(tenant.as_str());
        let tenant = tenant
            .map_err(|error| Error::inconsistent("outcomes", "tenant", row.outcome, error.to_string()))?;
        Ok((tenant, Outcome::try_from(row)?))
    };
    let found: Vec<(TenantId, Outcome)> = rows.into_iter().map(pair).collect::<Result<_>>()?;
    sql(
        "update recommendations set final = false, reopen_time = $1 from {rows}
         where recommendations.tenant = rows.tenant and recommendations.recommendation = rows.recommendation",
    )
    .bind(now)
    .rows(
        Rows::new()
            .text("tenant", found.iter().map(|(tenant, _)| tenant.as_str()))
            .uuid("recommendation", found.iter().map(|(_, outcome)| outcome.recommendation.uuid())),
    )
    .execute(tx)
    .await?;
    Ok(found)
}

/// Outcomes, newest first, before `before` (time and id).
pub async fn list_outcomes(
    conn: &mut impl Connection,
    tenant: &TenantId,
    filter: Vec<Term>,
    before: Option<(i64, Uuid)>,
    limit: i64,
) -> Result<Vec<Outcome>> {
    let (time, id) = before.unwrap_or((i64::MAX, Uuid::max()));
    let rows: Vec<Row> = sql(
        "select outcome, recommendation, seller, account, happened_at, kind, joined, subject, amount_minor, currency,
            outcome_time
         from outcomes where tenant = $1 and (outcome_time, outcome) < ($2, $3) and {filter}
         order by outcome_time desc, outcome desc limit $4",
    )
    .bind(tenant)
    .bind(time)
    .bind(id)
    .bind(limit)
    .filter(filter, COLUMNS)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Outcome::try_from).collect()
}
