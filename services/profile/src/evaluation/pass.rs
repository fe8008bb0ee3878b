//! All accounts, page by page, for the conditions that wait for it.

use salient_core::{Error, Result, TenantId};
use uuid::Uuid;

use super::{apply, definitions};
use crate::{
    domain::{
        facts::day_of,
        membership::{Known, look},
    },
    profile::Profile,
    store::{
        dirty, facts, members,
        segments::{self, Evaluation},
    },
};

/// Accounts of a page: few enough that a change of a record waits for a moment only, and that the
/// page is small in memory.
const PAGE: i64 = 5_000;

/// Does the next step for every tenant that has something to do; whether there was one.
pub(super) async fn step(profile: &Profile) -> Result<bool> {
    let today = day_of(profile.clock.now_micros());
    let busy = segments::busy(&mut profile.db.read().await?, today).await?;
    for evaluation in &busy {
        let tenant = TenantId::try_from(evaluation.tenant.as_str()).map_err(Error::internal)?;
        if evaluation.today != i64::from(today) {
            turn_day(profile, &tenant, evaluation, today).await?;
        } else if let Some(after) = evaluation.after {
            page(profile, &tenant, evaluation, after, today).await?;
        } else {
            start(profile, &tenant).await?;
        }
    }
    Ok(!busy.is_empty())
}

/// A new day. If the clock was set back, what is known by now was not known then.
async fn turn_day(profile: &Profile, tenant: &TenantId, evaluation: &Evaluation, today: i32) -> Result<()> {
    let journey = definitions::stages(Some(evaluation))?.is_timed();
    let mut tx = profile.db.begin().await?;
    segments::take_turn_in_tx(&mut tx).await?;
    if i64::from(today) < evaluation.today {
        dirty::mark_all_in_tx(&mut tx, tenant).await?;
    }
    segments::turn_day_in_tx(&mut tx, tenant, today, journey).await?;
    Ok(tx.commit().await?)
}

async fn start(profile: &Profile, tenant: &TenantId) -> Result<()> {
    let total = facts::count(&mut profile.db.read().await?, tenant).await?;
    let mut tx = profile.db.begin().await?;
    segments::take_turn_in_tx(&mut tx).await?;
    segments::start_pass_in_tx(&mut tx, tenant, total).await?;
    Ok(tx.commit().await?)
}

async fn page(
    profile: &Profile,
    tenant: &TenantId,
    evaluation: &Evaluation,
    after: Uuid,
    today: i32,
) -> Result<()> {
    let mut conn = profile.db.read().await?;
    let definitions = definitions::running(&mut conn, tenant, evaluation).await?;
    let nothing = definitions.rules.is_empty() && definitions.stages.is_none();
    let stood = if nothing { Vec::new() } else { facts::page(&mut conn, tenant, after, PAGE).await? };
    let last = stood.last().map_or(after, |stood| stood.account);
    let segments = definitions.rules.iter().map(|rule| rule.segment.as_str());
    let pairs = members::between(&mut conn, tenant, segments, after, last).await?;
    drop(conn);

    let (looked_at, is_last) = (stood.len(), (stood.len() as i64) < PAGE);
    // beside the runtime: thousands of accounts take a while
    let (definitions, changes) = tokio::task::spawn_blocking(move || {
        let pairs = apply::by_rule(&definitions.rules, pairs);
        let known = stood.into_iter().map(|stood| Known {
            account: stood.account,
            facts: Some(stood.facts),
            stage: stood.stage,
        });
        let known: Vec<Known> = known.collect();
        let changes = look(&definitions.rules, definitions.stages.as_ref(), today, &known, &pairs);
        (definitions, changes)
    })
    .await
    .map_err(Error::internal)?;

    let mut tx = profile.db.begin().await?;
    segments::take_turn_in_tx(&mut tx).await?;
    let to = (!is_last).then_some(last);
    if !segments::advance_in_tx(&mut tx, tenant, after, to, looked_at).await? {
        return Ok(());
    }
    apply::apply_in_tx(&mut tx, profile, tenant, &definitions.rules, &changes, true).await?;
    if is_last {
        segments::end_pass_in_tx(&mut tx, tenant, profile.clock.now_micros()).await?;
    }
    Ok(tx.commit().await?)
}
