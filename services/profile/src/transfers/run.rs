//! Reading a file and taking its records, batch by batch.
//!
//! Each batch is one transaction, with what became of its lines and with its number. Reading the
//! same file by the same mapping gives the same batches: work that was interrupted reads the file
//! again and goes on after the last batch that is committed.

use std::ops::ControlFlow;

use salient_core::{Error, Reason, Result, TenantId};
use salient_mapping::{Batch, Columns, Origin, Plan, RecordKind, RefusedLine, Report};
use salient_proto::profile::v1::{Transfer, TransferProblem};
use salient_store::{RunContext, runs};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    latest,
    rehearse::{Rehearsal, Sketch},
    source,
};
use crate::{
    domain::{Refusal, batch::Summary, transfer::shape},
    ingest::{Records, Taken},
    profile::Profile,
    store::{self, transfers},
};

/// The kind under which runs are kept.
pub const KIND: &str = "transfer";

/// Batches that are read ahead while others are committed.
const AHEAD: usize = 4;

/// A batch that was read.
struct Ready {
    number: i64,
    records: Records,
    sketch: Option<Sketch>,
    origin: Origin,
    refused: Vec<RefusedLine>,
}

/// Handles a run.
///
/// # Errors
/// The file cannot be read, or what the store says.
pub async fn run(profile: Profile, context: RunContext) -> Result<Vec<u8>> {
    let done = work(&profile, &context).await;
    if let Err(error) = &done {
        let passes = error.is_transient() && context.run.attempts < runs::MAX_ATTEMPTS;
        if !passes && !context.shutdown.is_cancelled() {
            // nobody reads the file any more
            let run = &context.run;
            let mut tx = profile.db.begin().await?;
            if runs::fail_in_tx(&mut tx, run, error.reason(), error.message(), profile.clock.now()).await? {
                transfers::drop_chunks_in_tx(&mut tx, &run.tenant, run.id).await?;
            }
            tx.commit().await?;
        }
    }
    done.map(|()| Vec::new())
}

async fn work(profile: &Profile, context: &RunContext) -> Result<()> {
    let (tenant, id) = (&context.run.tenant, context.run.id);
    let gone = || Error::new(Reason::NotReady, "the transfer was forgotten before it was read");
    let stored = transfers::get(&mut profile.db.read().await?, tenant, id).await?;
    let mut stored = stored.ok_or_else(gone)?;
    let dry_run = stored.header.dry_run;
    if dry_run {
        // what a dry run has seen is only in memory
        let mut tx = profile.db.begin().await?;
        transfers::restart_in_tx(&mut tx, tenant, id).await?;
        tx.commit().await?;
        (stored.batches, stored.counts) = (0, Transfer::default());
    }
    let file = source::fetch(&profile.db, tenant, id, stored.received).await?;
    let opened = {
        let stored = stored.clone();
        tokio::task::spawn_blocking(move || source::open(&stored, file)).await
    };
    let plan = opened.map_err(source::unread)??;
    let (columns, progress) = (plan.columns(), plan.progress());
    let (sender, mut batches) = mpsc::channel(AHEAD);
    let reader = read(plan, sender, stored.batches, latest(&stored), dry_run);
    let mut counts = std::mem::take(&mut stored.counts);
    let mut rehearsal = Rehearsal::default();
    while let Some(mut batch) = batches.recv().await {
        if context.shutdown.is_cancelled() {
            return Err(Error::unavailable("the service ends"));
        }
        let rehearsed = match &batch.sketch {
            Some(sketch) => Some(rehearsal.take(profile, tenant, &mut batch.records, sketch).await?),
            None => None,
        };
        commit(profile, tenant, id, batch, rehearsed, &columns, &mut counts).await?;
        context.progress(progress.share().min(0.99), format!("{} lines read", progress.rows()));
    }
    let (end, report) = reader.await.map_err(source::unread)?;
    end.map_err(source::refusal)?;
    conclude(&mut counts, report);
    let mut tx = profile.db.begin().await?;
    transfers::conclude_in_tx(&mut tx, tenant, id, &counts).await?;
    runs::finish_in_tx(&mut tx, &context.run, &[], profile.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}

type Reader = JoinHandle<(salient_mapping::Result<()>, Report)>;

/// Reads the file beside the async runtime, and looks at the records of each batch after the first
/// `done`.
fn read(
    mut plan: Plan,
    sender: mpsc::Sender<Ready>,
    done: i64,
    latest: chrono::DateTime<chrono::Utc>,
    dry_run: bool,
) -> Reader {
    tokio::task::spawn_blocking(move || {
        let end = plan.batches(|batch| {
            let Batch { number, request, origin, refused, .. } = batch;
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            if number < done {
                return ControlFlow::Continue(());
            }
            let sketch = dry_run.then(|| Sketch::new(&request));
            let records = Records::prepare(request, latest);
            match sender.blocking_send(Ready { number, records, sketch, origin, refused }) {
                Ok(()) => ControlFlow::Continue(()),
                // the receiver gave up, and says why
                Err(_) => ControlFlow::Break(()),
            }
        });
        (end, plan.report().clone())
    })
}

/// Takes a batch, unless it was `rehearsed`.
async fn commit(
    profile: &Profile,
    tenant: &TenantId,
    id: uuid::Uuid,
    batch: Ready,
    rehearsed: Option<Taken>,
    columns: &Columns,
    counts: &mut Transfer,
) -> Result<()> {
    let Ready { number, records, origin, refused, .. } = batch;
    let mut tx = profile.db.begin().await?;
    let taken = match rehearsed {
        Some(taken) => taken,
        None => {
            store::take_turn_in_tx(&mut tx, tenant).await?;
            records.take_in_tx(&mut tx, profile, tenant).await?
        }
    };
    let mut problems: Vec<TransferProblem> = refused.into_iter().map(unmapped).collect();
    let kinds = [
        (RecordKind::Account, &taken.accounts),
        (RecordKind::Contact, &taken.contacts),
        (RecordKind::Order, &taken.orders),
        (RecordKind::Interaction, &taken.interactions),
        (RecordKind::Opportunity, &taken.opportunities),
    ];
    for (kind, summary) in kinds {
        let Some(summary) = summary else { continue };
        counts.created += count(summary.created);
        counts.updated += count(summary.updated);
        counts.unchanged += count(summary.unchanged);
        problems.extend(untaken(kind, summary, &origin, columns));
    }
    counts.refused += count(problems.len());
    if !transfers::advance_in_tx(&mut tx, tenant, id, number, counts).await? {
        return Err(Error::unavailable("another worker has this transfer"));
    }
    if !problems.is_empty() {
        transfers::add_problems_in_tx(&mut tx, tenant, id, number, &problems).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn line(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A line that is no record by the mapping.
fn unmapped(refused: RefusedLine) -> TransferProblem {
    TransferProblem {
        line: line(refused.line),
        shape: shape(&refused.found),
        column: refused.field,
        reason: Reason::FieldInvalid.as_str().to_owned(),
        problem: refused.problem,
        accepted: refused.accepted,
    }
}

/// Records that were not taken.
fn untaken<'a>(
    kind: RecordKind,
    summary: &'a Summary,
    origin: &'a Origin,
    columns: &'a Columns,
) -> impl Iterator<Item = TransferProblem> + 'a {
    summary.refused.iter().map(move |(index, refusal)| TransferProblem {
        line: line(origin.line(kind, *index, &refusal.field).unwrap_or(0)),
        column: columns.of(kind, &refusal.field).unwrap_or(&refusal.field).to_owned(),
        reason: refusal.reason.as_str().to_owned(),
        problem: problem(refusal),
        ..TransferProblem::default()
    })
}

/// What is wrong, without the keys that the service's own message names: of what stands in a file
/// only the shape is told.
fn problem(refusal: &Refusal) -> String {
    let told = match refusal.reason {
        Reason::AccountUnknown => {
            "names an account that does not exist; one that was stored before, or stands earlier in the file, is accepted"
        }
        Reason::HierarchyCycle => {
            "names a parent that stands below the account, or too many levels up; another parent is accepted"
        }
        _ => refusal.message.as_str(),
    };
    told.to_owned()
}

fn conclude(counts: &mut Transfer, report: Report) {
    counts.lines = line(report.rows);
    counts.skipped =
        report.skipped.iter().map(|skipped| (skipped.category.clone(), line(skipped.lines))).collect();
    counts.notices = report.notices.clone();
    counts.notices.extend(report.damage.iter().map(ToString::to_string));
}
