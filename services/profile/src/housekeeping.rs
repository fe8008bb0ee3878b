//! Forgetting what was kept for a while only.

use std::time::Duration;

use chrono::TimeDelta;
use salient_core::{Result, to_micros};
use salient_store::idempotency;
use tokio_util::sync::CancellationToken;

use crate::{
    privacy::retention,
    profile::Profile,
    store::{members, transfers},
    transfers::run::KIND,
};

/// How often it sweeps.
const EVERY: Duration = Duration::from_secs(3600);
/// Rows in one transaction: few enough that writers hardly wait for it.
const ROWS: u32 = 1_000;

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Request ids with their answers.
    pub request_ids: TimeDelta,
    /// Who entered and left segments.
    pub membership_changes: TimeDelta,
    /// Files that were begun and not sent to their end.
    pub uploads: TimeDelta,
    /// What became of the lines of files.
    pub transfers: TimeDelta,
}

/// Sweeps until `shutdown`.
pub async fn run(profile: &Profile, keep: Keep, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = forget_request_ids(profile, keep.request_ids).await {
            tracing::warn!(error = %error.chain(), "old request ids not forgotten");
        }
        if let Err(error) = forget_membership_changes(profile, keep.membership_changes).await {
            tracing::warn!(error = %error.chain(), "old changes of membership not forgotten");
        }
        if let Err(error) = retention::sweep(profile).await {
            tracing::warn!(error = %error.chain(), "old interactions not deleted");
        }
        if let Err(error) = forget_transfers(profile, keep).await {
            tracing::warn!(error = %error.chain(), "old transfers not forgotten");
        }
    }
}

async fn forget_request_ids(profile: &Profile, keep: TimeDelta) -> Result<()> {
    let before = profile.clock.now() - keep;
    loop {
        let mut tx = profile.db.begin().await?;
        let forgotten = idempotency::prune_in_tx(&mut tx, before, ROWS).await?;
        tx.commit().await?;
        if forgotten < u64::from(ROWS) {
            return Ok(());
        }
    }
}

async fn forget_membership_changes(profile: &Profile, keep: TimeDelta) -> Result<()> {
    let before = to_micros(profile.clock.now() - keep);
    loop {
        let mut tx = profile.db.begin().await?;
        let forgotten = members::prune_in_tx(&mut tx, before, ROWS).await?;
        tx.commit().await?;
        if forgotten < u64::from(ROWS) {
            return Ok(());
        }
    }
}

async fn forget_transfers(profile: &Profile, keep: Keep) -> Result<()> {
    let before = |kept| to_micros(profile.clock.now() - kept);
    let mut tx = profile.db.begin().await?;
    transfers::prune_in_tx(&mut tx, KIND, before(keep.uploads), before(keep.transfers)).await?;
    tx.commit().await?;
    Ok(())
}
