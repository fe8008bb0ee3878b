//! Starting long work in a suite, and waiting for it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use prost_types::Timestamp;
use salient_kit::client::retry;
use salient_proto::{
    common::v1::{RunStatus, run_status::State},
    recommendation::v1::{
        Backtest, GetBacktestRequest, GetPlanRunRequest, PlanRun, StartBacktestRequest, StartPlanRunRequest,
    },
    scoring::v1::{GetScoringRunRequest, ScoringRun, StartScoringRunRequest},
};

use crate::{commands::refusal, progress::Step, session::Clients, settle::PATIENCE};

/// Pause between two looks at a run.
const PAUSE: Duration = Duration::from_millis(50);

/// Where a run stands: its status if it goes on, an error if it failed.
fn goes_on(status: Option<RunStatus>, step: &Step) -> Result<bool> {
    let status = status.context("the suite answered without a status")?;
    match status.state() {
        State::Succeeded => Ok(false),
        State::Failed => bail!("{} ({})", status.error, status.reason),
        _ => {
            step.at((status.progress * 100.0) as u64);
            step.note(&status.step);
            Ok(true)
        }
    }
}

/// Trains, scores every account, and waits for it.
///
/// # Errors
/// The suite refuses, stays away, or the run fails.
pub async fn score(
    clients: &Clients,
    request_id: String,
    as_of: Option<Timestamp>,
    step: &Step,
) -> Result<ScoringRun> {
    let request =
        StartScoringRunRequest { request_id, as_of, keep_model: false, model_declaration: String::new() };
    let client = || clients.scoring.clone();
    let started = retry(PATIENCE, async || client().start_scoring_run(request.clone()).await).await;
    let mut run = started.map_err(refusal)?.into_inner().scoring_run.unwrap_or_default();
    while goes_on(run.status.clone(), step)? {
        tokio::time::sleep(PAUSE).await;
        let request = GetScoringRunRequest { name: run.name.clone() };
        let found = retry(PATIENCE, async || client().get_scoring_run(request.clone()).await).await;
        run = found.map_err(refusal)?.into_inner().scoring_run.unwrap_or_default();
    }
    Ok(run)
}

/// Plans a day for every seller, and waits for it.
///
/// # Errors
/// The suite refuses, stays away, or the run fails.
pub async fn plan(clients: &Clients, request_id: String, date: String, step: &Step) -> Result<PlanRun> {
    let request = StartPlanRunRequest { request_id, date };
    let client = || clients.recommendation.clone();
    let started = retry(PATIENCE, async || client().start_plan_run(request.clone()).await).await;
    let mut run = started.map_err(refusal)?.into_inner().plan_run.unwrap_or_default();
    while goes_on(run.status.clone(), step)? {
        tokio::time::sleep(PAUSE).await;
        let request = GetPlanRunRequest { name: run.name.clone() };
        let found = retry(PATIENCE, async || client().get_plan_run(request.clone()).await).await;
        run = found.map_err(refusal)?.into_inner().plan_run.unwrap_or_default();
    }
    Ok(run)
}

/// Plans past days as if each were today, and waits for it.
///
/// # Errors
/// The suite refuses, stays away, or the run fails.
pub async fn backtest(clients: &Clients, request: StartBacktestRequest, step: &Step) -> Result<Backtest> {
    let client = || clients.recommendation.clone();
    let started = retry(PATIENCE, async || client().start_backtest(request.clone()).await).await;
    let mut run = started.map_err(refusal)?.into_inner().backtest.unwrap_or_default();
    while goes_on(run.status.clone(), step)? {
        tokio::time::sleep(PAUSE).await;
        let request = GetBacktestRequest { name: run.name.clone() };
        let found = retry(PATIENCE, async || client().get_backtest(request.clone()).await).await;
        run = found.map_err(refusal)?.into_inner().backtest.unwrap_or_default();
    }
    Ok(run)
}
