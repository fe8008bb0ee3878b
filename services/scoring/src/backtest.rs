//! Backtests: what was promised on past days, against what came of it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use prost::Message as _;
use salient_core::{Clock, Error, ModelBacktestId, ModelId, Result, TenantId};
use salient_learn::{
    DAY_US,
    declared::DeclaredModel,
    propensity::{Judged, PropensityModel},
    report::{Data, Dimension, Gate, Options, Report, page},
};
use salient_ledger::Ledger;
use salient_proto::scoring::v1 as pb;
use salient_store::{Run, RunContext};

use crate::{
    declarations::{self, Declaration},
    domain::{Body, HORIZON_DAYS, Model, SubjectKind},
    grpc::convert,
    run::{Scoring, aside, config, refusal},
    store,
    streams::Streams,
};

/// The kind under which backtests are kept.
pub const KIND: &str = "model_backtest";

/// Points of a curve; a report has many.
const POINTS: usize = 60;

/// The days that a request means, ascending.
///
/// # Errors
/// The field of a day that no calendar has, whose outcome is not known yet, or that is given twice.
fn days(
    clock: &Clock,
    request: &pb::StartModelBacktestRequest,
    horizon_days: i64,
) -> Result<Vec<DateTime<Utc>>> {
    let latest = clock.now() - TimeDelta::days(horizon_days);
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

/// What is tested.
#[derive(Debug)]
pub struct Test {
    declaration: Option<Declaration>,
    days: Vec<DateTime<Utc>>,
    models: Vec<Model>,
}

impl Scoring {
    /// What a request means.
    ///
    /// # Errors
    /// A declaration, version or day that cannot be.
    pub async fn test(&self, tenant: &TenantId, request: &pb::StartModelBacktestRequest) -> Result<Test> {
        let declaration = match declarations::id_of(&request.model_declaration) {
            "" => None,
            id => Some(self.declaration(tenant, id).await?),
        };
        let horizon = declaration
            .as_ref()
            .map_or(HORIZON_DAYS as i64, |declaration| i64::from(declaration.said.question.horizon_days));
        let days = days(&self.clock, request, horizon)?;
        let models = self.tested(tenant, request, &days).await?;
        Ok(Test { declaration, days, models })
    }

    async fn tested(
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
            if model.declaration != declarations::id_of(&request.model_declaration) {
                return Err(Error::field(field, "a version of the model that is tested is accepted"));
            }
            if days.first().is_some_and(|first| *first < model.as_of) {
                let why = format!(
                    "version {} knows what came before {}; days from then on are accepted",
                    model.version,
                    model.as_of.to_rfc3339()
                );
                return Err(Error::field(field, why));
            }
            if let (Body::Declared(body), Some(last)) = (&model.body, days.last()) {
                // the declaration may have changed since
                let latest = self.clock.now() - TimeDelta::days(body.question.horizon_days.into());
                if *last > latest {
                    let why = format!(
                        "version {} looks {} days ahead; days up to {} are accepted",
                        model.version,
                        body.question.horizon_days,
                        latest.to_rfc3339()
                    );
                    return Err(Error::field(field, why));
                }
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
        let Test { declaration, days, models } = self.test(&tenant, &request).await?;
        context.progress(0.1, "reading the order history");
        let kind = declaration.as_ref().map_or_else(SubjectKind::default, |of| of.said.subject);
        let streams = Streams::open(&mut self.db.read().await?, &tenant, kind).await?;
        let mut rows = Rows::default();
        let models = Arc::new(models);
        for (place, &day) in days.iter().enumerate() {
            context.progress(0.2 + 0.8 * place as f64 / days.len() as f64, "going back to a day");
            let judged = if let Some(declaration) = &declaration {
                self.declared_on_day(&tenant, &streams, declaration, &models, day).await?
            } else {
                let (ledger, models) = (Arc::clone(&streams.ledger), Arc::clone(&models));
                aside(move || on_day(&ledger, &models, day)).await??
            };
            for (version, judged) in judged {
                rows.add(&day.format("%Y-%m-%d %H:%M").to_string(), &version, judged);
            }
        }
        let title = declaration.map_or("Orders within 30 days".into(), |of| of.said.display_name);
        let report = aside(move || rows.report(title)).await??;
        let done = pb::ModelBacktest {
            report_json: serde_json::to_string(&report).map_err(Error::internal)?,
            page: page(&report),
            ..Default::default()
        };
        Ok(done.encode_to_vec())
    }

    /// What each version of a declared model promised on a day, and what came of it.
    async fn declared_on_day(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        declaration: &Declaration,
        models: &[Model],
        day: DateTime<Utc>,
    ) -> Result<Vec<(String, Judged)>> {
        let at = day.timestamp_micros();
        let mut judged = Vec::with_capacity(models.len().max(1));
        let mut versions: Vec<(String, DeclaredModel)> = Vec::new();
        for model in models {
            if let Body::Declared(body) = &model.body {
                versions.push((format!("version {}", model.version), (**body).clone()));
            }
        }
        if versions.is_empty() {
            let trained = self.train_declared(tenant, streams, &declaration.id, day).await?;
            versions.push(("trained on the day".to_owned(), trained));
        }
        for (name, body) in versions {
            let rows = self.known_at(tenant, streams, &body, at).await?;
            judged.push((name, aside(move || body.judged(&rows)).await?.map_err(refusal)?));
        }
        Ok(judged)
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
    let versions = models.iter().filter_map(|model| Some((model.version, model.body.orders()?)));
    let judged = |(version, body): (i32, &PropensityModel)| {
        Ok((format!("version {version}"), body.judged(&view, at).map_err(refusal)?))
    };
    versions.map(judged).collect()
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

    fn report(&self, title: String) -> Result<Report> {
        let days: Vec<&str> = self.days.iter().map(String::as_str).collect();
        let versions: Vec<&str> = self.versions.iter().map(String::as_str).collect();
        let dimensions =
            [Dimension { name: "past day", of_row: &days }, Dimension { name: "version", of_row: &versions }];
        let data = Data { labels: &self.labels, probability: &self.probability, dimensions: &dimensions };
        let options = Options {
            title: format!("{title}: backtest"),
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
