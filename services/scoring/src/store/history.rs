//! Scores of before.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use salient_core::{AccountId, Currency, ModelId, TenantId, from_micros};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{Earlier, Frozen, Score, TREND_DAYS};

#[derive(sqlx::FromRow)]
struct FrozenRow {
    subject: Uuid,
    account: Uuid,
    as_of: i64,
    model: Uuid,
    probability: f64,
    currency: String,
    features: String,
}

impl TryFrom<FrozenRow> for Frozen {
    type Error = Error;

    fn try_from(row: FrozenRow) -> Result<Self> {
        let broken = |column, why: String| Error::inconsistent("score_history", column, row.subject, why);
        Ok(Self {
            subject: row.subject,
            account: AccountId::from_uuid(row.account),
            as_of: from_micros(row.as_of),
            model: ModelId::from_uuid(row.model),
            probability: row.probability,
            currency: Currency::try_from(row.currency.as_str())
                .map_err(|error| broken("currency", error.to_string()))?,
            features: serde_json::from_str(&row.features)
                .map_err(|error| broken("features", error.to_string()))?,
        })
    }
}

/// Gives scores what they are compared with.
pub async fn compare(
    conn: &mut impl Connection,
    tenant: &TenantId,
    declaration: &str,
    scores: &mut [Score],
) -> Result<()> {
    let Some(as_of) = scores.first().map(|score| score.as_of) else { return Ok(()) };
    let (from, to) = (as_of - TimeDelta::days(TREND_DAYS.1), as_of - TimeDelta::days(TREND_DAYS.0));
    let rows: Vec<(Uuid, i64, f64)> = sql("select h.subject, h.as_of, h.probability from {rows}
         cross join score_history h where h.tenant = $1 and h.declaration = $2 and h.subject = rows.subject
            and h.as_of >= $3 and h.as_of <= $4 order by h.as_of")
    .bind(tenant)
    .bind(declaration)
    .bind(from)
    .bind(to)
    .rows(Rows::new().uuid("subject", scores.iter().map(|score| score.subject)))
    .fetch_all(conn)
    .await?;
    // ascending: of one subject the latest stays
    let latest: BTreeMap<Uuid, Earlier> = rows
        .into_iter()
        .map(|(subject, as_of, probability)| (subject, Earlier { as_of: from_micros(as_of), probability }))
        .collect();
    for score in scores {
        score.earlier = latest.get(&score.subject).copied();
    }
    Ok(())
}

/// Keeps scores for later, from where they are published; one of the same moment takes the place of the
/// one before.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, declaration: &str, scores: &[Score]) -> Result<()> {
    // crossed, because SQLite takes the order of that: it has walked all scores for each row otherwise
    sql("insert into score_history (tenant, declaration, subject, account, as_of, model, probability, currency,
            features)
         select $1, $2, s.subject, s.account, s.as_of, s.model, s.probability, s.currency, s.features from {rows}
         cross join scores s where s.tenant = $1 and s.declaration = $2 and s.subject = rows.subject
         on conflict (tenant, declaration, subject, as_of) do update set account = excluded.account,
            model = excluded.model,
            probability = excluded.probability, currency = excluded.currency, features = excluded.features")
    .bind(tenant)
    .bind(declaration)
    .rows(Rows::new().uuid("subject", scores.iter().map(|score| score.subject)))
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets what was said before a moment.
pub async fn forget_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    declaration: &str,
    before: DateTime<Utc>,
) -> Result<()> {
    sql("delete from score_history where tenant = $1 and declaration = $2 and as_of < $3")
        .bind(tenant)
        .bind(declaration)
        .bind(before)
        .execute(tx)
        .await?;
    Ok(())
}

/// What was said of a subject, newest first, below `before` (microseconds UTC).
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    declaration: &str,
    subject: Uuid,
    before: i64,
    limit: i64,
) -> Result<Vec<Frozen>> {
    let rows: Vec<FrozenRow> =
        sql("select subject, account, as_of, model, probability, currency, features from score_history
         where tenant = $1 and declaration = $2 and subject = $3 and as_of < $4
         order by as_of desc limit $5")
        .bind(tenant)
        .bind(declaration)
        .bind(subject)
        .bind(before)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Frozen::try_from).collect()
}

/// What declared models said of a contact, and as of when (microseconds UTC).
pub async fn of_person(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contact: Uuid,
) -> Result<Vec<(String, i64, f64)>> {
    sql("select h.declaration, h.as_of, h.probability from model_declarations d
         cross join score_history h
         where d.tenant = $1 and h.tenant = $1 and h.declaration = d.declaration and h.subject = $2
         order by h.declaration, h.as_of")
    .bind(tenant)
    .bind(contact)
    .fetch_all(conn)
    .await
}
