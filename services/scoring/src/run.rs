//! A scoring run: train on what was known before a moment, score every account, publish.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use prost::Message as _;
use salient_core::{AccountId, Clock, Error, ModelId, Reason, Result, TenantId};
use salient_events::{Outbox, erasure, shard_of};
use salient_learn::propensity::{AccountTable, PropensityConfig, PropensityModel};
use salient_proto::scoring::v1 as pb;
use salient_store::{Db, Run, RunContext, Tx};
use uuid::Uuid;

use crate::{
    bodies::Bodies,
    declarations::{self, Declaration},
    domain::{Body, HORIZON_DAYS, Model, Published, Score, State, SubjectKind, Subjects, score},
    grpc::convert,
    insight::Insights,
    store::{self, insights::Source},
    streams::Streams,
};

/// The kind under which runs are kept.
pub const KIND: &str = "scoring";

/// Scores in one transaction, and subjects in one event at most.
const BATCH: usize = 1_000;

/// Days for which it is kept what was said of an account.
const HISTORY_DAYS: i64 = 400;

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
    /// Versions that were read lately.
    pub bodies: Bodies,
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
    /// NOT_ENOUGH_DATA with what would be enough, NOT_READY when the live version is to be kept and
    /// there is none, or a field when it knows more than the run may; then nothing changes.
    pub async fn run(self, context: RunContext) -> Result<Vec<u8>> {
        let request: pb::StartScoringRunRequest = context.run.decode()?;
        let tenant = context.run.tenant.clone();
        let as_of = as_of(&self.clock, request.as_of.as_ref(), context.run.create_time)?;
        let declaration = match declarations::id_of(&request.model_declaration) {
            "" => None,
            id => Some(self.declaration(&tenant, id).await?),
        };
        let of = declaration.as_ref().map_or("", |declaration| declaration.id.as_str());
        context.progress(0.05, "reading the order history");
        let kind = declaration.as_ref().map_or_else(SubjectKind::default, |of| of.said.subject);
        let streams = Streams::open(&mut self.db.read().await?, &tenant, kind).await?;
        let mut done = pb::ScoringRun {
            as_of: Some(convert::timestamp(as_of)),
            model_declaration: declarations::name_of(of),
            ..Default::default()
        };
        let before = self.published(&tenant, of).await?;
        if let Some(live) = &before.live {
            if request.keep_model && as_of < live.as_of {
                let since = live.as_of.to_rfc3339();
                let why = format!(
                    "the live version knows what came before {since}; a time from then on is accepted"
                );
                return Err(Error::field("as_of", why));
            }
            context.progress(0.2, "watching the live version");
            done.alarms = self.watch(&tenant, live, &streams, as_of).await?;
        } else if request.keep_model {
            return Err(Error::new(
                Reason::NotReady,
                "no version is live; a run that trains one is accepted",
            ));
        }
        let mut source = before.live.as_ref().map(|live| live.id);
        if !request.keep_model {
            context.progress(0.3, "learning from what came of earlier days");
            let model = Arc::new(self.trained(&tenant, &streams, declaration.as_ref(), as_of).await?);
            (source, done.trained_model) = (Some(model.id), model.id.name());
            done.doubts = self.try_live(&tenant, &model, before.live, &streams, as_of).await?;
        }
        let published = self.published(&tenant, of).await?.known_at(as_of);
        done.model = published.live.as_ref().map(|live| live.id.name()).unwrap_or_default();
        let scored = self.publish(&context, of, &published, &streams, as_of).await?;
        done.scored_accounts = i64::try_from(scored).unwrap_or(i64::MAX);
        if let Some(model) = source.filter(|_| declaration.is_none()) {
            // after the scores: lists wait for these, and for nothing else
            context.progress(0.8, "learning what accounts are worth and need");
            let ledger = streams.ledger;
            let source = Source { model, as_of, currency: ledger.currency };
            let before = as_of.timestamp_micros();
            let dealings = store::dealings::before(&mut self.db.read().await?, &tenant, before).await?;
            let insights = aside(move || Insights::learn(ledger, &dealings, as_of)).await?;
            self.keep_insights(&tenant, &source, insights).await?;
        }
        Ok(done.encode_to_vec())
    }

    async fn published(&self, tenant: &TenantId, declaration: &str) -> Result<Published> {
        let mut published = Published::default();
        for model in store::models::published(&mut self.db.read().await?, tenant, declaration).await? {
            match model.state {
                State::Pilot(_) => published.pilot = Some(Arc::new(model)),
                _ => published.live = Some(Arc::new(model)),
            }
        }
        Ok(published)
    }

    /// The version as of a moment: the one that was kept before, if the same was asked, or a new one.
    async fn trained(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        declaration: Option<&Declaration>,
        as_of: DateTime<Utc>,
    ) -> Result<Model> {
        let of = declaration.map_or("", |declaration| declaration.id.as_str());
        let same = |model: &Model| match (&model.body, declaration) {
            (Body::Declared(body), Some(declaration)) => body.question == declaration.said.question,
            _ => true,
        };
        let at = as_of.timestamp_micros();
        let known = store::models::as_of(&mut self.db.read().await?, tenant, of, at).await?.filter(same);
        if let Some(known) = known {
            return Ok(known);
        }
        let body = match declaration {
            Some(declaration) => {
                let body = self.train_declared(tenant, streams, &declaration.id, as_of).await?;
                Body::Declared(Arc::new(body))
            }
            None => {
                let ledger = Arc::clone(&streams.ledger);
                let train = move || PropensityModel::train(&ledger.history.as_of(at), &config());
                Body::Orders(Arc::new(aside(train).await?.map_err(refusal)?))
            }
        };
        let mut tx = self.db.begin().await?;
        self.hold_in_tx(&mut tx, tenant, of).await?;
        if let Some(other) = store::models::as_of(&mut tx, tenant, of, at).await?.filter(same) {
            return Ok(other);
        }
        let model = Model {
            id: ModelId::new(&self.clock),
            declaration: of.to_owned(),
            version: store::models::next_version_in_tx(&mut tx, tenant, of).await?,
            as_of,
            state: State::Shadow,
            live_time: None,
            create_time: self.clock.now(),
            body,
        };
        store::models::put_in_tx(&mut tx, tenant, &model).await?;
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

    /// What was made of a declaration goes with it: nothing more is written once it is gone.
    pub(crate) async fn hold_in_tx(&self, tx: &mut Tx, tenant: &TenantId, declaration: &str) -> Result<()> {
        if store::declarations::hold_in_tx(tx, tenant, declaration).await? {
            return Ok(());
        }
        Err(Error::not_found(declarations::name_of(declaration)))
    }

    /// Scores every subject and publishes the scores, in the order of shards and some at a time, so that memory
    /// does not grow with them; says how many there are.
    async fn publish(
        &self,
        context: &RunContext,
        declaration: &str,
        published: &Published,
        streams: &Streams,
        as_of: DateTime<Utc>,
    ) -> Result<usize> {
        if published.live.is_none() {
            return Ok(0);
        }
        let (tenant, ledger) = (&context.run.tenant, &streams.ledger);
        let mut numbers = match declaration {
            "" => ledger.history.as_of(as_of.timestamp_micros()).known_accounts(),
            _ => streams.numbers(),
        };
        let all = numbers.len();
        // events of few shards from each batch
        numbers.sort_by_cached_key(|&number| shard(streams.members[number as usize].account));
        let mut done = 0;
        for (place, numbers) in numbers.chunks(BATCH).enumerate() {
            context.progress(0.5 + 0.3 * (place * BATCH) as f64 / all as f64, "scoring everybody");
            let scores = if declaration.is_empty() {
                let (published, streams, numbers) = (published.clone(), streams.clone(), numbers.to_vec());
                aside(move || some(&published, &streams, as_of, &numbers)).await??
            } else {
                self.score_declared(tenant, streams, published, numbers, as_of).await?
            };
            done += scores.len();
            let scored: HashSet<Uuid> = scores.iter().map(|score| score.subject).collect();
            let asked = numbers.iter().map(|&number| streams.members[number as usize].id);
            let left: Vec<Uuid> = asked.filter(|id| !scored.contains(id)).collect();
            self.put_scores(tenant, (declaration, streams.kind), scores, &left).await?;
        }
        let mut tx = self.db.begin().await?;
        if !declaration.is_empty() {
            // whom it is asked about no more at all
            store::forget_older_in_tx(&mut tx, tenant, declaration, as_of).await?;
        }
        let before = as_of - TimeDelta::days(HISTORY_DAYS);
        store::history::forget_in_tx(&mut tx, tenant, declaration, before).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Publishes scores; those are forgotten who `left` the population.
    async fn put_scores(
        &self,
        tenant: &TenantId,
        (declaration, kind): (&str, SubjectKind),
        mut scores: Vec<Score>,
        left: &[Uuid],
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        if kind == SubjectKind::Contact {
            // since they were read
            let subjects = scores.iter().map(|score| score.subject);
            let erased = erasure::erased_in_tx(&mut tx, tenant, subjects).await?;
            scores.retain(|score| !erased.contains(&score.subject));
        }
        self.hold_in_tx(&mut tx, tenant, declaration).await?;
        store::forget_scores_in_tx(&mut tx, tenant, declaration, left).await?;
        let bounds = store::grades::get(&mut tx, tenant).await?;
        store::history::compare(&mut tx, tenant, declaration, &mut scores).await?;
        store::put_scores_in_tx(&mut tx, tenant, declaration, &scores).await?;
        store::history::put_in_tx(&mut tx, tenant, declaration, &scores).await?;
        let mut shards: BTreeMap<u16, Vec<pb::Score>> = BTreeMap::new();
        for score in scores {
            let place = shard(score.account);
            let told = convert::score(score, (declaration, kind), &bounds, PUBLISHED_FACTORS);
            shards.entry(place).or_default().push(told);
        }
        let event = |(shard, scores)| match declaration {
            "" => self.outbox.event(tenant, shard, &pb::ScoresPublished { scores }),
            _ => self.outbox.event(tenant, shard, &pb::DeclaredScoresPublished { scores }),
        };
        self.outbox.publish_in_tx(&mut tx, &shards.into_iter().map(event).collect::<Vec<_>>()).await?;
        Ok(tx.commit().await?)
    }
}

fn shard(account: AccountId) -> u16 {
    shard_of(account.uuid().as_bytes())
}

/// Works beside the async runtime.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// How versions are trained: the defaults of the algorithm.
#[must_use]
pub fn config() -> PropensityConfig {
    PropensityConfig { horizon_days: HORIZON_DAYS, ..PropensityConfig::default() }
}

/// Scores accounts, by number, each with the version that is published for it.
fn some(
    published: &Published,
    streams: &Streams,
    as_of: DateTime<Utc>,
    numbers: &[u32],
) -> Result<Vec<Score>> {
    let view = streams.ledger.history.as_of(as_of.timestamp_micros());
    let of = Subjects { members: &streams.members, currency: streams.ledger.currency, as_of };
    let mut scores = Vec::with_capacity(numbers.len());
    for (model, numbers) in published.among(&streams.members, numbers) {
        let Body::Orders(body) = &model.body else { continue };
        let table = AccountTable::of(&view, &numbers, HORIZON_DAYS).map_err(refusal)?;
        scores.extend(score(model, body, &table, of));
    }
    Ok(scores)
}

pub(crate) fn refusal(error: salient_learn::Error) -> Error {
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
    found.model_declaration.clone_from(&request.model_declaration);
    found.name = salient_core::ScoringRunId::from_uuid(run.id).name();
    found.status = Some(salient_ledger::wire::status(run));
    Ok(found)
}
