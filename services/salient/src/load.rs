//! From an import plan to a running suite, through the same RPCs that anybody uses.

use std::{ops::ControlFlow, sync::Arc};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use salient_kit::client::retry;
use salient_mapping::{Batch, Plan, RecordKind};
use salient_proto::{
    common::v1::{BatchResult, RecordError},
    profile::v1::{IngestRecordsRequest, IngestRecordsResponse},
};
use tokio::sync::mpsc;

use crate::{commands::refusal, progress::Step, render, session::Clients, settle::PATIENCE};

/// Batches in one stream. A stream that breaks is sent again from its start; batches that were
/// already taken are known by their request ids.
const CHUNK: usize = 8;

/// Batches read ahead while others are on their way: the whole next stream.
const AHEAD: usize = CHUNK;

/// Refused records that are told one by one.
const TOLD: usize = 10;

/// What a suite took.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Source lines sent.
    pub lines: u64,
    /// Records that the suite refused, by line where it is known.
    pub refused: Vec<String>,
    /// All refused records.
    pub refused_count: usize,
    /// Time of the last order.
    pub last_order: Option<DateTime<Utc>>,
}

/// Sends everything: records first, then the catalogue and the sellers, which are complete only
/// when every line was read. Gives the plan back for its report.
///
/// # Errors
/// The file cannot be read, or the suite refuses or stays away.
pub async fn load(clients: &Clients, plan: Plan, step: &Step) -> Result<(Loaded, Plan)> {
    let (loaded, plan) = load_records(clients, plan, step).await?;
    for request in plan.products() {
        let client = || clients.catalogue.clone();
        retry(PATIENCE, async || client().upsert_products(request.clone()).await).await.map_err(refusal)?;
    }
    for request in plan.sellers() {
        let client = || clients.catalogue.clone();
        retry(PATIENCE, async || client().upsert_sellers(request.clone()).await).await.map_err(refusal)?;
    }
    Ok((loaded, plan))
}

/// Sends the records of the profile service only.
///
/// # Errors
/// The file cannot be read, or the suite refuses or stays away.
pub async fn load_records(clients: &Clients, mut plan: Plan, step: &Step) -> Result<(Loaded, Plan)> {
    let progress = plan.progress();
    let (sender, mut batches) = mpsc::channel::<Batch>(AHEAD);
    let reader = tokio::task::spawn_blocking(move || {
        let read = plan.batches(|batch| match sender.blocking_send(batch) {
            Ok(()) => ControlFlow::Continue(()),
            // the receiver gave up, and says why
            Err(_) => ControlFlow::Break(()),
        });
        (read, plan)
    });
    let mut loaded = Loaded::default();
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        let next = batches.recv().await;
        let over = next.is_none();
        chunk.extend(next);
        if chunk.len() == CHUNK || (over && !chunk.is_empty()) {
            send(clients, &mut loaded, &chunk).await?;
            chunk.clear();
            step.at((progress.share() * 100.0) as u64);
            step.note(&format!("{} lines", loaded.lines));
        }
        if over {
            break;
        }
    }
    let (read, plan) = reader.await.context("the reader stopped")?;
    read?;
    Ok((loaded, plan))
}

async fn send(clients: &Clients, loaded: &mut Loaded, chunk: &[Batch]) -> Result<()> {
    let requests: Arc<[IngestRecordsRequest]> = chunk.iter().map(|batch| batch.request.clone()).collect();
    let sent = retry(PATIENCE, async || {
        let requests = Arc::clone(&requests);
        let stream = (0..requests.len()).map(move |place| requests[place].clone());
        clients.profile.clone().ingest_records(tokio_stream::iter(stream)).await
    });
    let answer = sent.await.map_err(refusal)?.into_inner();
    for batch in chunk {
        loaded.lines += batch.lines;
        let times = batch.request.orders.iter().filter_map(|order| render::time(order.order_time.as_ref()));
        loaded.last_order = loaded.last_order.max(times.max());
    }
    note_refusals(loaded, chunk, &answer);
    Ok(())
}

fn note_refusals(loaded: &mut Loaded, chunk: &[Batch], answer: &IngestRecordsResponse) {
    let kinds: [(RecordKind, &Option<BatchResult>); 5] = [
        (RecordKind::Account, &answer.accounts),
        (RecordKind::Contact, &answer.contacts),
        (RecordKind::Order, &answer.orders),
        (RecordKind::Interaction, &answer.interactions),
        (RecordKind::Opportunity, &answer.opportunities),
    ];
    for (kind, result) in kinds {
        for error in result.iter().flat_map(|result| &result.errors) {
            loaded.refused_count += 1;
            if loaded.refused.len() < TOLD {
                loaded.refused.push(told(kind, error, chunk));
            }
        }
    }
}

fn told(kind: RecordKind, error: &RecordError, chunk: &[Batch]) -> String {
    let RecordError { field, message, .. } = error;
    let batch = chunk.iter().find(|batch| batch.request.request_id == error.request_id);
    let index = usize::try_from(error.index).unwrap_or_default();
    match batch.and_then(|batch| Some((batch, batch.origin.line(kind, index, field)?))) {
        Some((batch, line)) => format!("{} line {line}: {field} {message}", batch.origin.file()),
        None => format!("{kind:?} {index}: {field} {message}"),
    }
}
