//! Runs of models that a tenant declares: one pass over the subjects gathers examples, a second one
//! scores.

use std::sync::Arc;

use crate::{
    declarations,
    domain::{Body, Model, Published, Score, Subjects, declared},
    run::{Scoring, aside, refusal},
    store,
    streams::{BATCH, Streams},
};
use chrono::{DateTime, Utc};
use salient_core::{Error, Result, TenantId};
use salient_learn::{
    declared::{DeclaredModel, Examples, Gathered, Reader, Reading},
    drift::{Alarm, Quality, Thresholds},
    features::{Exogenous, Schema},
    tabular::Config,
};

/// Past days that are learned from, a horizon apart.
const CUTOFFS: i64 = 5;

/// Values of features at most, 8 bytes each; of more subjects every so-manyth is learned from.
const MOST: usize = 70_000_000;

/// What is asked of subjects, for which streams, and at which moments.
struct Ask {
    reading: Reading,
    reader: Reader,
    exogenous: Arc<Exogenous>,
    known: Vec<i64>,
    open: Option<i64>,
}

/// What came of asking.
#[derive(Debug)]
struct Told {
    known: Gathered,
    open: Option<Gathered>,
}

impl Ask {
    fn new(
        reading: Reading,
        (schema, streams): (&Schema, &Streams),
        known: Vec<i64>,
        open: Option<i64>,
    ) -> Result<Self> {
        let exogenous = streams.exogenous(schema)?;
        Ok(Self { reading, reader: Reader::new(schema), exogenous, known, open })
    }

    /// As a version asks that was trained before.
    fn of(body: &DeclaredModel, streams: &Streams, known: Vec<i64>, open: Option<i64>) -> Result<Self> {
        Self::new(body.reading().map_err(refusal)?, (&body.schema, streams), known, open)
    }
}

impl Scoring {
    /// Asks of subjects, in one pass, some of them in memory at a time.
    async fn ask(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        numbers: &[u32],
        asked: Vec<Ask>,
    ) -> Result<Vec<Told>> {
        let asked = Arc::new(asked);
        let mut gathered: Vec<(Vec<Gathered>, Vec<Gathered>)> =
            asked.iter().map(|_| Default::default()).collect();
        let mut read = self.db.read().await?;
        for numbers in numbers.chunks(BATCH) {
            let raw = streams.read(&mut read, tenant, numbers).await?;
            let (asked, numbers) = (Arc::clone(&asked), numbers.to_vec());
            let told = aside(move || {
                let one = |ask: &Ask| {
                    let mut known = Examples::known(&ask.reading, &ask.exogenous, &ask.known);
                    let mut open =
                        ask.open.map(|cutoff| Examples::open(&ask.reading, &ask.exogenous, cutoff));
                    for (&number, raw) in numbers.iter().zip(&raw) {
                        let subject = ask.reader.read(raw)?;
                        known.add(number, &subject)?;
                        if let Some(open) = &mut open {
                            open.add(number, &subject)?;
                        }
                    }
                    Ok((known.finish()?, open.map(Examples::finish).transpose()?))
                };
                asked.iter().map(one).collect::<std::result::Result<Vec<_>, salient_learn::Error>>()
            });
            for (all, (known, open)) in gathered.iter_mut().zip(told.await?.map_err(refusal)?) {
                all.0.push(known);
                all.1.extend(open);
            }
        }
        let one = |((known, open), ask): ((Vec<Gathered>, Vec<Gathered>), &Ask)| {
            let open = ask.open.map(|_| Gathered::join(&open)).transpose()?;
            Ok(Told { known: Gathered::join(&known)?, open })
        };
        let told: std::result::Result<Vec<Told>, salient_learn::Error> =
            gathered.into_iter().zip(asked.iter()).map(one).collect();
        told.map_err(refusal)
    }

    /// What has moved since a version was trained.
    pub(crate) async fn moved(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        body: &DeclaredModel,
        as_of: DateTime<Utc>,
    ) -> Result<Vec<Alarm>> {
        let now = as_of.timestamp_micros();
        if now < body.trained_at {
            return Ok(Vec::new());
        }
        let at = now - body.reading().map_err(refusal)?.horizon();
        let known = if at < body.trained_at { Vec::new() } else { vec![at] };
        let came = !known.is_empty();
        let ask = Ask::of(body, streams, known, Some(now))?;
        let mut told = self.ask(tenant, streams, &sample(streams, &ask.reading), vec![ask]).await?;
        let (Some(told), body) = (told.pop(), body.clone()) else { return Ok(Vec::new()) };
        aside(move || {
            let Told { known, open: Some(now) } = told else { return Ok(Vec::new()) };
            let came = Some(&known).filter(|rows| came && !rows.labels.is_empty());
            body.watch(&now, came, &Thresholds::default())
        })
        .await?
        .map_err(refusal)
    }

    /// Trains a version.
    ///
    /// # Errors
    /// `NOT_ENOUGH_DATA` with what would be enough, or what can no longer be asked, by field.
    pub(crate) async fn train_declared(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        id: &str,
        as_of: DateTime<Utc>,
    ) -> Result<DeclaredModel> {
        let now = as_of.timestamp_micros();
        // anew: it may have been replaced since the run began, and the file belongs to what is said of it
        let found = store::declarations::with_file(&mut self.db.read().await?, tenant, id).await?;
        // one of the same name about others is another one
        let found = found.filter(|(of, _)| of.said.subject == streams.kind);
        let (of, file) = found.ok_or_else(|| Error::not_found(declarations::name_of(id)))?;
        let schema = self.survey(tenant, streams, now).await?;
        let reading = declarations::read(&of.said.question, &schema)?;
        let cutoffs: Vec<i64> = (1..=CUTOFFS).map(|back| now - back * reading.horizon()).collect();
        let asked = vec![Ask::new(reading.clone(), (&schema, streams), cutoffs, Some(now))?];
        let told = self.ask(tenant, streams, &sample(streams, &reading), asked).await?.pop();
        aside(move || {
            let Some(Told { known, open: Some(open) }) = told else {
                return Err(salient_learn::Error::NotEnoughData {
                    needed: "some of the population".into(),
                    have: "none".into(),
                });
            };
            DeclaredModel::train((&reading, &file), &schema, (&known, &open), now, &Config::default())
        })
        .await?
        .map_err(refusal)
    }

    /// How a version did at a moment that it had not seen; `None` where nobody was of its population.
    pub(crate) async fn quality_at(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        body: &DeclaredModel,
        at: i64,
    ) -> Result<Option<Quality>> {
        let rows = self.known_at(tenant, streams, body, at).await?;
        if rows.labels.is_empty() {
            return Ok(None);
        }
        let body = body.clone();
        aside(move || body.quality(&rows)).await?.map(Some).map_err(refusal)
    }

    /// The subjects that a version is asked of at a moment, with what came of them.
    pub(crate) async fn known_at(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        body: &DeclaredModel,
        at: i64,
    ) -> Result<Gathered> {
        let ask = Ask::of(body, streams, vec![at], None)?;
        let told = self.ask(tenant, streams, &sample(streams, &ask.reading), vec![ask]).await?.pop();
        told.map(|told| told.known).ok_or_else(|| Error::internal("nothing was asked"))
    }

    /// Scores subjects, each with the version that is published for it.
    pub(crate) async fn score_declared(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        published: &Published,
        numbers: &[u32],
        as_of: DateTime<Utc>,
    ) -> Result<Vec<Score>> {
        let mut scores = Vec::with_capacity(numbers.len());
        for (model, numbers) in published.among(&streams.members, numbers) {
            let Body::Declared(body) = &model.body else { continue };
            let asked = vec![Ask::of(body, streams, Vec::new(), Some(as_of.timestamp_micros()))?];
            let told = self.ask(tenant, streams, &numbers, asked).await?.pop().and_then(|told| told.open);
            let Some(rows) = told else { continue };
            let (model, streams): (Model, _) = (model.clone(), streams.clone());
            scores.extend(
                aside(move || {
                    let of = Subjects { members: &streams.members, currency: streams.ledger.currency, as_of };
                    let Body::Declared(body) = &model.body else { return Ok(Vec::new()) };
                    declared(&model, body, &rows, of)
                })
                .await??,
            );
        }
        Ok(scores)
    }
}

/// The subjects that are learned from.
fn sample(streams: &Streams, reading: &Reading) -> Vec<u32> {
    let numbers = streams.numbers();
    let each = (numbers.len() * CUTOFFS as usize * reading.width()).div_ceil(MOST).max(1);
    numbers.into_iter().step_by(each).collect()
}
