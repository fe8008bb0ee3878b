//! SQL. Private row types that convert, fallibly, into what the domain speaks of.

pub mod attributes;
pub mod contacts;
pub mod dealings;
pub mod declarations;
pub mod events;
pub mod grades;
pub mod history;
pub mod insights;
pub mod measures;
pub mod models;

use chrono::{DateTime, Utc};
use salient_core::{AccountId, Currency, Estimate, ModelId, TenantId, from_micros};
use salient_store::{Connection, Error, Migration, Migrations, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{Earlier, Score, SubjectKind};

const STEPS: &[Migration] = &[
    Migration::new(1, "start", include_str!("../../migrations/0001_start.sql")),
    Migration::new(2, "insights", include_str!("../../migrations/0002_insights.sql")),
    Migration::new(3, "registry", include_str!("../../migrations/0003_registry.sql")),
    Migration::new(4, "history", include_str!("../../migrations/0004_history.sql")),
    Migration::new(5, "declarations", include_str!("../../migrations/0005_declarations.sql")),
    Migration::new(6, "onnx", include_str!("../../migrations/0006_onnx.sql")),
    Migration::new(7, "contacts", include_str!("../../migrations/0007_contacts.sql")),
    Migration::new(8, "measures", include_str!("../../migrations/0008_measures.sql")),
    Migration::new(9, "subjects", include_str!("../../migrations/0009_subjects.sql")),
];

/// What this service's database needs: the crates' tables, then its own.
#[must_use]
pub fn migrations() -> Migrations {
    Migrations::common()
        .with(salient_events::migrations())
        .with(salient_ledger::migrations())
        .with(Migrations::new("scoring", STEPS))
}

#[derive(sqlx::FromRow)]
struct ScoreRow {
    subject: Uuid,
    account: Uuid,
    model: Uuid,
    as_of: i64,
    probability: f64,
    expected_minor: Option<f64>,
    currency: String,
    base_rate: f64,
    bias: f64,
    features: String,
    contributions: String,
    earlier_as_of: Option<i64>,
    earlier_probability: Option<f64>,
}

impl TryFrom<ScoreRow> for Score {
    type Error = Error;

    fn try_from(row: ScoreRow) -> Result<Self> {
        let broken = |column, detail: String| Error::inconsistent("scores", column, row.subject, detail);
        let currency = Currency::try_from(row.currency.as_str())
            .map_err(|error| broken("currency", error.to_string()))?;
        Ok(Self {
            subject: row.subject,
            account: AccountId::from_uuid(row.account),
            model: ModelId::from_uuid(row.model),
            as_of: from_micros(row.as_of),
            probability: row.probability,
            expected: row.expected_minor.map(|minor_units| Estimate { minor_units, currency }),
            currency,
            base_rate: row.base_rate,
            bias: row.bias,
            features: serde_json::from_str(&row.features)
                .map_err(|error| broken("features", error.to_string()))?,
            contributions: serde_json::from_str(&row.contributions)
                .map_err(|error| broken("contributions", error.to_string()))?,
            earlier: row
                .earlier_as_of
                .zip(row.earlier_probability)
                .map(|(as_of, probability)| Earlier { as_of: from_micros(as_of), probability }),
        })
    }
}

/// Rows of records, each with its subject's place.
fn places(column: &'static str, of: &[(Uuid, usize)]) -> Rows<'static> {
    Rows::new()
        .uuid(column, of.iter().map(|(record, _)| *record))
        .int("place", of.iter().map(|(_, place)| *place as i64))
}

/// Writes the newest scores of subjects, whole.
pub async fn put_scores_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    declaration: &str,
    scores: &[Score],
) -> salient_core::Result<()> {
    let mut features = Vec::with_capacity(scores.len());
    let mut contributions = Vec::with_capacity(scores.len());
    for score in scores {
        features.push(serde_json::to_string(&score.features).map_err(salient_core::Error::internal)?);
        contributions
            .push(serde_json::to_string(&score.contributions).map_err(salient_core::Error::internal)?);
    }
    sql("insert into scores (tenant, declaration, subject, account, model, as_of, probability, expected_minor, currency, base_rate, bias,
            features, contributions, earlier_as_of, earlier_probability)
         select $1, $2, subject, account, model, as_of, probability, expected_minor, currency, base_rate, bias, features,
            contributions, earlier_as_of, earlier_probability from {rows} where true
         on conflict (tenant, declaration, subject) do update set account = excluded.account,
            model = excluded.model, as_of = excluded.as_of,
            probability = excluded.probability, expected_minor = excluded.expected_minor,
            currency = excluded.currency, base_rate = excluded.base_rate, bias = excluded.bias,
            features = excluded.features, contributions = excluded.contributions,
            earlier_as_of = excluded.earlier_as_of, earlier_probability = excluded.earlier_probability")
    .bind(tenant)
    .bind(declaration)
    .rows(
        Rows::new()
            .uuid("subject", scores.iter().map(|score| score.subject))
            .uuid("account", scores.iter().map(|score| score.account.uuid()))
            .uuid("model", scores.iter().map(|score| score.model.uuid()))
            .int("as_of", scores.iter().map(|score| score.as_of))
            .float("probability", scores.iter().map(|score| score.probability))
            .float("expected_minor", scores.iter().map(|score| score.expected.map(|expected| expected.minor_units)))
            .text("currency", scores.iter().map(|score| score.currency.as_str()))
            .float("base_rate", scores.iter().map(|score| score.base_rate))
            .float("bias", scores.iter().map(|score| score.bias))
            .text("features", features.iter().map(String::as_str))
            .text("contributions", contributions.iter().map(String::as_str))
            .int("earlier_as_of", scores.iter().map(|score| score.earlier.map(|earlier| earlier.as_of)))
            .float(
                "earlier_probability",
                scores.iter().map(|score| score.earlier.map(|earlier| earlier.probability)),
            ),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets scores from before a moment: of subjects that are asked about no more.
pub async fn forget_older_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    declaration: &str,
    before: DateTime<Utc>,
) -> Result<()> {
    sql("delete from scores where tenant = $1 and declaration = $2 and as_of < $3")
        .bind(tenant)
        .bind(declaration)
        .bind(before)
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets the newest scores of subjects.
pub async fn forget_scores_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    declaration: &str,
    of: &[Uuid],
) -> Result<()> {
    sql("delete from scores where tenant = $1 and declaration = $2 and subject in (select subject from {rows})")
        .bind(tenant)
        .bind(declaration)
        .rows(Rows::new().uuid("subject", of.iter().copied()))
        .execute(tx)
        .await?;
    Ok(())
}

/// The profile that a record belongs to; opportunities are none of a profile.
pub async fn profile_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: SubjectKind,
    record: Uuid,
) -> Result<Uuid> {
    let text = match kind {
        SubjectKind::Account | SubjectKind::Lead => {
            "select root from account_roots where tenant = $1 and account = $2"
        }
        SubjectKind::Contact => "select root from contact_roots where tenant = $1 and contact = $2",
        SubjectKind::Opportunity => return Ok(record),
    };
    let root: Option<(Uuid,)> = sql(text).bind(tenant).bind(record).fetch_optional(conn).await?;
    Ok(root.map_or(record, |(root,)| root))
}

/// The newest score of a subject.
pub async fn score_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    declaration: &str,
    subject: Uuid,
) -> Result<Option<Score>> {
    let row: Option<ScoreRow> =
        sql("select subject, account, model, as_of, probability, expected_minor, currency, base_rate,
            bias, features, contributions, earlier_as_of, earlier_probability from scores
         where tenant = $1 and declaration = $2 and subject = $3")
        .bind(tenant)
        .bind(declaration)
        .bind(subject)
        .fetch_optional(conn)
        .await?;
    row.map(Score::try_from).transpose()
}

/// Scores of profiles, most likely first, below `before` (probability and subject).
pub async fn list_scores(
    conn: &mut impl Connection,
    tenant: &TenantId,
    declaration: &str,
    before: Option<(f64, Uuid)>,
    limit: i64,
) -> Result<Vec<Score>> {
    let (probability, subject) = before.unwrap_or((2.0, Uuid::max()));
    let rows: Vec<ScoreRow> =
        sql("select subject, account, model, as_of, probability, expected_minor, currency, base_rate,
            bias, features, contributions, earlier_as_of, earlier_probability from scores
         where tenant = $1 and declaration = $2 and (probability, subject) < ($3, $4)
            and subject not in (select account from account_roots where tenant = $1)
            and subject not in (select contact from contact_roots where tenant = $1)
         order by probability desc, subject desc limit $5")
        .bind(tenant)
        .bind(declaration)
        .bind(probability)
        .bind(subject)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Score::try_from).collect()
}
