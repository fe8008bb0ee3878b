//! Comparing all records of a kind anew.

use prost::Message as _;
use salient_core::{Error, ResolutionRunId, Result, TenantId};
use salient_linkage::{Learning, Resolution, Scorer, Sources, learn, resolve};
use salient_proto::{
    common::v1::{RunStatus, run_status},
    profile::v1::{Account, Contact, ProfileKind, ResolutionRun, StartResolutionRunRequest},
};
use salient_store::{Run, RunContext};

use super::{Done, Held, arrival::hold, ask_in_tx, join_in_tx};
use crate::{
    domain::record::timestamp_of,
    profile::Profile,
    store::{
        self,
        matches::{self, Resolved},
    },
};

/// The kind under which runs are kept.
pub const KIND: &str = "resolution";

/// Merges in one transaction.
const BATCH: usize = 100;
/// Pairs that a person is asked about in one run at most: the likeliest.
const ASKED: usize = 10_000;

/// A run as it is told.
///
/// # Errors
/// The stored run is damaged.
pub fn on_wire(run: &Run) -> Result<ResolutionRun> {
    let request: StartResolutionRunRequest = run.decode()?;
    let found = match run.result.as_deref() {
        Some(bytes) => ResolutionRun::decode(bytes).map_err(Error::internal)?,
        None => ResolutionRun::default(),
    };
    let status = RunStatus {
        state: run_status::State::try_from(run.state as i32).unwrap_or_default().into(),
        progress: run.progress,
        step: run.step.clone(),
        error: run.error.clone(),
        reason: run.reason.clone(),
        create_time: Some(timestamp_of(run.create_time)),
        end_time: run.end_time.map(timestamp_of),
    };
    let name = ResolutionRunId::from_uuid(run.id).name();
    Ok(ResolutionRun { name, kind: request.kind, status: Some(status), ..found })
}

/// Handles a run. Safe to repeat: what was merged stays merged.
///
/// # Errors
/// What the store says.
pub async fn run(profile: Profile, context: RunContext) -> Result<Vec<u8>> {
    let request: StartResolutionRunRequest = context.run.decode()?;
    let found = match request.kind() {
        ProfileKind::Contact => all::<Contact>(&profile, &context).await?,
        _ => all::<Account>(&profile, &context).await?,
    };
    Ok(found.encode_to_vec())
}

async fn all<R: Resolved>(profile: &Profile, context: &RunContext) -> Result<ResolutionRun> {
    let tenant = &context.run.tenant;
    context.progress(0.02, "reading the records");
    let held = hold::<R>(&mut profile.db.read().await?, tenant).await?;
    context.progress(0.3, "comparing");
    let compared = tokio::task::spawn_blocking(move || compare(held));
    let (held, resolution) = compared.await.map_err(Error::internal)?.map_err(Error::internal)?;
    context.progress(0.7, "merging");
    let mut tx = profile.db.begin().await?;
    let model = serde_json::to_string(&held.model).map_err(Error::internal)?;
    matches::put_model_in_tx(&mut tx, tenant, R::TABLE, &model).await?;
    tx.commit().await?;
    let mut told = ResolutionRun {
        records: count(held.index.len()),
        pairs: i64::try_from(resolution.compared).unwrap_or(i64::MAX),
        stopped: count(resolution.blobs.len()),
        ..ResolutionRun::default()
    };
    merge::<R>(profile, context, &held, &resolution, &mut told).await?;
    ask::<R>(profile, tenant, &held, &resolution, &mut told).await?;
    Ok(told)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn compare(mut held: Held) -> std::result::Result<(Held, Resolution), salient_linkage::Error> {
    let sources = if held.doubling.is_empty() { Sources::Distinct } else { Sources::Any };
    held.model = learn(&held.index, sources, &Learning::default())?;
    let resolution = resolve(&held.index, &held.model, sources)?;
    Ok((held, resolution))
}

async fn merge<R: Resolved>(
    profile: &Profile,
    context: &RunContext,
    held: &Held,
    resolution: &Resolution,
    told: &mut ResolutionRun,
) -> Result<()> {
    let tenant = &context.run.tenant;
    let together: std::collections::HashMap<u32, usize> = resolution
        .clusters
        .iter()
        .enumerate()
        .flat_map(|(place, members)| members.iter().map(move |member| (*member, place)))
        .collect();
    // the links that hold clusters together, the best ones first
    let links: Vec<(u32, u32)> = resolution
        .merges
        .iter()
        .map(|link| (link.a, link.b))
        .filter(|(a, b)| together.get(a).is_some_and(|place| together.get(b) == Some(place)))
        .filter(|(a, b)| held.comparable(*a, *b))
        .collect();
    let batches = links.len().div_ceil(BATCH).max(1);
    for (number, batch) in links.chunks(BATCH).enumerate() {
        let mut tx = profile.db.begin().await?;
        store::take_turn_in_tx(&mut tx, tenant).await?;
        for pair in batch {
            match join_in_tx::<R>(&mut tx, profile, tenant, held, *pair).await? {
                Done::Merged => told.merges += 1,
                Done::Asked => told.reviews += 1,
                Done::Nothing => {}
            }
        }
        tx.commit().await?;
        context.progress(0.7 + 0.25 * (number + 1) as f64 / batches as f64, "merging");
    }
    Ok(())
}

async fn ask<R: Resolved>(
    profile: &Profile,
    tenant: &TenantId,
    held: &Held,
    resolution: &Resolution,
    told: &mut ResolutionRun,
) -> Result<()> {
    let grown = "it belongs to a group that would have grown too far";
    let doubted = "what else belongs to the two contradicts it";
    let blobs = resolution.blobs.iter().flat_map(|blob| &blob.weakest).map(|link| (link, grown));
    let doubts = resolution.doubts.iter().map(|doubt| (&doubt.link, doubted));
    let reviews = resolution.reviews.iter().map(|link| (link, ""));
    let asked: Vec<_> = reviews.chain(doubts).chain(blobs).take(ASKED).collect();
    for batch in asked.chunks(BATCH) {
        let mut tx = profile.db.begin().await?;
        store::take_turn_in_tx(&mut tx, tenant).await?;
        for (link, warning) in batch {
            if !held.comparable(link.a, link.b) {
                continue;
            }
            let pair = (held.id(link.a)?, held.id(link.b)?);
            let explanation = {
                let scorer = Scorer::new(&held.index, &held.model).map_err(Error::internal)?;
                scorer.explain(link.a, link.b)
            };
            if ask_in_tx::<R>(&mut tx, profile, tenant, held, pair, &explanation, warning).await?
                == Done::Asked
            {
                told.reviews += 1;
            }
        }
        tx.commit().await?;
    }
    Ok(())
}
