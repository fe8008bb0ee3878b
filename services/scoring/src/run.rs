//! A scoring run: train on what was known before a moment, score every account, publish.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use prost::Message as _;
use salient_core::{AccountId, Clock, Error, ModelId, Reason, Result, TenantId};
use salient_events::{Outbox, shard_of};
use salient_learn::{
    account::NAMES,
    propensity::{AccountTable, PropensityConfig, PropensityModel},
};
use salient_ledger::Ledger;
use salient_proto::scoring::v1 as pb;
use salient_store::{Db, Run, RunContext};

use crate::{
    domain::{HORIZON_DAYS, Model, Score, score},
    grpc::convert,
    insight::Insights,
    store::{self, insights::Source},
};

/// The kind under which runs are kept.
pub const KIND: &str = "scoring";

/// Scores in one transaction, and accounts in one event at most.
const BATCH: usize = 1_000;

/// Products or regions in one transaction; the deals of a product are some ten kilobytes.
const NAMED_BATCH: usize = 100;

/// Contributions that travel with a published score.
const PUBLISHED_FACTORS: usize = 5;

/// What the verbs of this service work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scoring {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// The way out for events.
    pub outbox: Outbox,
}

/// The moment a request means: now when it says none; never after now.
///
/// # Errors
/// A time in the future, or none that a calendar has.
pub fn as_of(
    clock: &Clock,
    at: Option<&prost_types::Timestamp>,
    asked: DateTime<Utc>,
) -> Result<DateTime<Utc>> {
    let Some(at) = at else { return Ok(asked) };
    let time =
        convert::time(at).ok_or_else(|| Error::field("as_of", "a time that a calendar has is accepted"))?;
    if time > clock.now() {
        return Err(Error::new(Reason::DateInFuture, "as_of lies in the future").with_violation(
            "as_of",
            format!("a time up to now, {}, is accepted", clock.now().to_rfc3339()),
        ));
    }
    Ok(time)
}

impl Scoring {
    /// Handles a run. Safe to repeat: a model trained for the same moment is used again.
    ///
    /// # Errors
    /// NOT_ENOUGH_DATA with what would be enough; then nothing changes.
    pub async fn run(self, context: RunContext) -> Result<Vec<u8>> {
        let request: pb::StartScoringRunRequest = context.run.decode()?;
        let tenant = context.run.tenant.clone();
        let as_of = as_of(&self.clock, request.as_of.as_ref(), context.run.create_time)?;
        context.progress(0.05, "reading the order history");
        let ledger = Arc::new(salient_ledger::load(&mut self.db.read().await?, &tenant).await?);
        context.progress(0.3, "learning who orders again");
        let known = store::model_as_of(&mut self.db.read().await?, &tenant, as_of.timestamp_micros()).await?;
        let read = Arc::clone(&ledger);
        let trained = aside(move || learn(known, &read, as_of)).await??;
        let model = self.keep(&tenant, as_of, trained).await?;
        let model = Arc::new(model);
        let scored = self.publish(&context, &tenant, &model, &ledger).await?;
        let source = Source { model: model.id, as_of, currency: ledger.currency };
        let done = pb::ScoringRun {
            as_of: Some(convert::timestamp(as_of)),
            model: model.id.name(),
            scored_accounts: i64::try_from(scored).unwrap_or(i64::MAX),
            ..Default::default()
        };
        // after the scores: lists wait for these, and for nothing else
        context.progress(0.8, "learning what accounts are worth and need");
        let insights = aside(move || Insights::learn(ledger, as_of)).await?;
        self.keep_insights(&tenant, &source, insights).await?;
        Ok(done.encode_to_vec())
    }

    /// Keeps a new model as the next version; one kept before stays.
    async fn keep(&self, tenant: &TenantId, as_of: DateTime<Utc>, trained: Trained) -> Result<Model> {
        let body = match trained {
            Trained::Before(model) => return Ok(*model),
            Trained::Now(body) => body,
        };
        let mut tx = self.db.begin().await?;
        if let Some(other) = store::model_as_of(&mut tx, tenant, as_of.timestamp_micros()).await? {
            return Ok(other);
        }
        let model = Model {
            id: ModelId::new(&self.clock),
            version: store::next_version_in_tx(&mut tx, tenant).await?,
            as_of,
            live: false,
            create_time: self.clock.now(),
            body: *body,
        };
        store::put_model_in_tx(&mut tx, tenant, &model).await?;
        tx.commit().await?;
        Ok(model)
    }

    /// Keeps what was learned besides scores; what was kept before is replaced account by account.
    async fn keep_insights(&self, tenant: &TenantId, source: &Source, insights: Insights) -> Result<()> {
        let mut tx = self.db.begin().await?;
        // before anything refers to them
        store::insights::put_fits_in_tx(&mut tx, tenant, source, &insights.fits()?).await?;
        tx.commit().await?;
        let insights = Arc::new(insights);
        for from in (0..insights.accounts()).step_by(BATCH) {
            let numbers = from..insights.accounts().min(from + BATCH);
            let known = Arc::clone(&insights);
            let kept = aside(move || known.of_accounts(numbers)).await??;
            let mut tx = self.db.begin().await?;
            store::insights::put_accounts_in_tx(&mut tx, tenant, source.model, &kept).await?;
            tx.commit().await?;
        }
        let kept = aside(move || insights.of_names()).await??;
        for kept in kept.chunks(NAMED_BATCH) {
            let mut tx = self.db.begin().await?;
            store::insights::put_named_in_tx(&mut tx, tenant, source.model, kept).await?;
            tx.commit().await?;
        }
        let mut tx = self.db.begin().await?;
        store::insights::forget_named_in_tx(&mut tx, tenant, source.model).await?;
        Ok(tx.commit().await?)
    }

    /// Scores every account and publishes the scores, shard by shard and some at a time, so that memory
    /// does not grow with them; says how many there are.
    async fn publish(
        &self,
        context: &RunContext,
        tenant: &TenantId,
        model: &Arc<Model>,
        ledger: &Arc<Ledger>,
    ) -> Result<usize> {
        let mut shards: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        let known = ledger.history.as_of(model.as_of.timestamp_micros()).known_accounts();
        let all = known.len();
        for number in known {
            let id = ledger.accounts[number as usize].id;
            shards.entry(shard_of(id.uuid().as_bytes())).or_default().push(number);
        }
        let mut done = 0;
        for (shard, numbers) in shards {
            for numbers in numbers.chunks(BATCH) {
                context.progress(0.5 + 0.3 * done as f64 / all as f64, "scoring every account");
                let (model, ledger, numbers) = (Arc::clone(model), Arc::clone(ledger), numbers.to_vec());
                let scores = aside(move || some(&model, &ledger, &numbers)).await??;
                done += scores.len();
                let mut tx = self.db.begin().await?;
                store::put_scores_in_tx(&mut tx, tenant, &scores).await?;
                let scores = scores.into_iter().map(|score| convert::score(score, PUBLISHED_FACTORS)).collect();
                let message = pb::ScoresPublished { scores };
                self.outbox.publish_in_tx(&mut tx, &[self.outbox.event(tenant, shard, &message)]).await?;
                tx.commit().await?;
            }
        }
        let mut tx = self.db.begin().await?;
        store::promote_in_tx(&mut tx, tenant, model.id).await?;
        let live = Model { live: true, ..Model::clone(model) };
        let message = pb::ModelPromoted { model: Some(convert::model(live)) };
        self.outbox.publish_in_tx(&mut tx, &[self.outbox.event(tenant, 0, &message)]).await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// Works beside the async runtime.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

enum Trained {
    Before(Box<Model>),
    Now(Box<PropensityModel>),
}

fn learn(known: Option<Model>, ledger: &Ledger, as_of: DateTime<Utc>) -> Result<Trained> {
    if let Some(model) = known {
        return Ok(Trained::Before(Box::new(model)));
    }
    let view = ledger.history.as_of(as_of.timestamp_micros());
    let config = PropensityConfig { horizon_days: HORIZON_DAYS, ..PropensityConfig::default() };
    PropensityModel::train(&view, &config).map(Box::new).map(Trained::Now).map_err(refusal)
}

/// Scores accounts, by number.
fn some(model: &Model, ledger: &Ledger, numbers: &[u32]) -> Result<Vec<Score>> {
    let view = ledger.history.as_of(model.as_of.timestamp_micros());
    let table = AccountTable::of(&view, numbers, HORIZON_DAYS).map_err(refusal)?;
    Ok(score(model, &table, &NAMES, &ledger.accounts, ledger.currency))
}

fn refusal(error: salient_learn::Error) -> Error {
    match error {
        salient_learn::Error::NotEnoughData { .. } => Error::new(Reason::NotEnoughData, error.to_string()),
        other => Error::internal(other),
    }
}

/// A run on the wire.
///
/// # Errors
/// The stored result is damaged.
pub fn on_wire(clock: &Clock, run: &Run) -> Result<pb::ScoringRun> {
    let request: pb::StartScoringRunRequest = run.decode()?;
    let mut found = match run.result.as_deref() {
        Some(bytes) => pb::ScoringRun::decode(bytes).map_err(Error::internal)?,
        None => pb::ScoringRun {
            as_of: Some(convert::timestamp(as_of(clock, request.as_of.as_ref(), run.create_time)?)),
            ..Default::default()
        },
    };
    found.name = salient_core::ScoringRunId::from_uuid(run.id).name();
    found.status = Some(salient_ledger::wire::status(run));
    Ok(found)
}
