//! Backtests: what was promised on past days, against what came of it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use prost::Message as _;
use salient_core::{Clock, Error, ModelBacktestId, ModelId, Result, TenantId};
use salient_learn::{
    DAY_US,
    propensity::{Judged, PropensityModel},
    report::{Data, Dimension, Gate, Options, Report, page},
};
use salient_ledger::Ledger;
use salient_proto::scoring::v1 as pb;
use salient_store::{Run, RunContext};

use crate::{
    domain::{HORIZON_DAYS, Model},
    grpc::convert,
    run::{Scoring, aside, config, refusal},
    store,
};

/// The kind under which backtests are kept.
pub const KIND: &str = "model_backtest";

/// Points of a curve; a report has many.
const POINTS: usize = 60;

/// The days that a request means, ascending.
///
/// # Errors
/// The field of a day that no calendar has, whose outcome is not known yet, or that is given twice.
pub fn days(clock: &Clock, request: &pb::StartModelBacktestRequest) -> Result<Vec<DateTime<Utc>>> {
    let latest = clock.now() - TimeDelta::days(HORIZON_DAYS as i64);
    let mut days = Vec::with_capacity(request.as_of.len());
    for (place, at) in request.as_of.iter().enumerate() {
        let field = format!("as_of[{place}]");
        let day = convert::time(at)
            .ok_or_else(|| Error::field(&field, "a time that a calendar has is accepted"))?;
        if day > latest {
            let why =
                format!("what came of it is not known; a time up to {} is accepted", latest.to_rfc3339());
            return Err(Error::field(field, why));
        }
        if days.contains(&day) {
            return Err(Error::field(field, "given before; times that differ are accepted"));
        }
        days.push(day);
    }
    days.sort_unstable();
    Ok(days)
}

impl Scoring {
    /// The versions that a request names.
    ///
    /// # Errors
    /// One that does not exist, or that has seen what came of a day.
    pub async fn tested(
        &self,
        tenant: &TenantId,
        request: &pb::StartModelBacktestRequest,
        days: &[DateTime<Utc>],
    ) -> Result<Vec<Model>> {
        let mut models = Vec::with_capacity(request.models.len());
        let mut read = self.db.read().await?;
        for (place, name) in request.models.iter().enumerate() {
            let field = format!("models[{place}]");
            let id = ModelId::parse_field(&field, name)?;
            if models.iter().any(|model: &Model| model.id == id) {
                return Err(Error::field(field, "given before; each version once is accepted"));
            }
            let model =
                store::models::by_id(&mut read, tenant, id).await?.ok_or_else(|| Error::not_found(id))?;
            if days.first().is_some_and(|first| *first < model.as_of) {
                let why = format!(
                    "version {} knows what came before {}; days from then on are accepted",
                    model.version,
                    model.as_of.to_rfc3339()
                );
                return Err(Error::field(field, why));
            }
            models.push(model);
        }
        Ok(models)
    }

    /// Handles a backtest. Changes nothing.
    ///
    /// # Errors
    /// NOT_ENOUGH_DATA with what would be enough.
    pub async fn backtest(self, context: RunContext) -> Result<Vec<u8>> {
        let request: pb::StartModelBacktestRequest = context.run.decode()?;
        let tenant = context.run.tenant.clone();
        let days = days(&self.clock, &request)?;
        let models = self.tested(&tenant, &request, &days).await?;
        context.progress(0.1, "reading the order history");
        let ledger = Arc::new(salient_ledger::load(&mut self.db.read().await?, &tenant).await?);
        let mut rows = Rows::default();
        let models = Arc::new(models);
        for (place, &day) in days.iter().enumerate() {
            context.progress(0.2 + 0.8 * place as f64 / days.len() as f64, "going back to a day");
            let (ledger, models) = (Arc::clone(&ledger), Arc::clone(&models));
            for (version, judged) in aside(move || on_day(&ledger, &models, day)).await?? {
                rows.add(&day.format("%Y-%m-%d %H:%M").to_string(), &version, judged);
            }
        }
        let report = aside(move || rows.report()).await??;
        let done = pb::ModelBacktest {
            report_json: serde_json::to_string(&report).map_err(Error::internal)?,
            page: page(&report),
            ..Default::default()
        };
        Ok(done.encode_to_vec())
    }
}

/// What each version promised on a day, and what came of it.
fn on_day(ledger: &Ledger, models: &[Model], day: DateTime<Utc>) -> Result<Vec<(String, Judged)>> {
    let at = day.timestamp_micros();
    let view = ledger.history.as_of(at + (HORIZON_DAYS * DAY_US as f64) as i64);
    if models.is_empty() {
        let earlier = view.earlier(at).map_err(refusal)?;
        let trained = PropensityModel::train(&earlier, &config()).map_err(refusal)?;
        return Ok(vec![("trained on the day".to_owned(), trained.judged(&view, at).map_err(refusal)?)]);
    }
    let judged = |model: &Model| {
        Ok((format!("version {}", model.version), model.body.judged(&view, at).map_err(refusal)?))
    };
    models.iter().map(judged).collect()
}

/// All that was promised, a row for each account, day and version.
#[derive(Default)]
struct Rows {
    labels: Vec<f64>,
    probability: Vec<f64>,
    days: Vec<String>,
    versions: Vec<String>,
}

impl Rows {
    fn add(&mut self, day: &str, version: &str, judged: Judged) {
        self.days.extend(judged.labels.iter().map(|_| day.to_owned()));
        self.versions.extend(judged.labels.iter().map(|_| version.to_owned()));
        self.labels.extend(judged.labels);
        self.probability.extend(judged.probability);
    }

    fn report(&self) -> Result<Report> {
        let days: Vec<&str> = self.days.iter().map(String::as_str).collect();
        let versions: Vec<&str> = self.versions.iter().map(String::as_str).collect();
        let dimensions =
            [Dimension { name: "past day", of_row: &days }, Dimension { name: "version", of_row: &versions }];
        let data = Data { labels: &self.labels, probability: &self.probability, dimensions: &dimensions };
        let options = Options {
            title: "Orders within 30 days: backtest".into(),
            gates: Gate::published(),
            points: POINTS,
            ..Options::default()
        };
        Report::of(&data, &options).map_err(refusal)
    }
}

/// A backtest on the wire.
///
/// # Errors
/// The stored result is damaged.
pub fn on_wire(run: &Run) -> Result<pb::ModelBacktest> {
    let mut found = match run.result.as_deref() {
        Some(bytes) => pb::ModelBacktest::decode(bytes).map_err(Error::internal)?,
        None => pb::ModelBacktest::default(),
    };
    found.name = ModelBacktestId::from_uuid(run.id).name();
    found.status = Some(salient_ledger::wire::status(run));
    Ok(found)
}
