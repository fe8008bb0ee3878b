//! Following the records: who is in which segment, and in which stage of the journey.
//!
//! ```text
//! write of records ─► dirty_accounts (append)          UpsertSegment, a new day ─► state "waiting"
//!                          │ woken by the commit                                      │
//!                          ▼                                                          ▼
//!        refresh: some accounts, all conditions               pass: all accounts, waiting conditions
//!        history ─► facts ─┐                                  page of facts ─┐
//!                          └─► look ─► members, stages, changes, events ◄────┘   one commit a batch
//! ```
//! One worker of one replica does both in turn, a batch of each, so that a change of a record is
//! seen within a page's time also while a pass runs, and nothing is looked at by two at once. A
//! pass keeps how far it has come in the database and goes on there after a crash.
//!
//! What is read before a transaction is confirmed in it: the entries of the queue are still there,
//! the pass is still where it was. If not, somebody else has done the work, and it is dropped.
//!
//! # What to rely on
//! Membership depends on the records, the day and the conditions, never on the order in which
//! records came: facts are made anew from all records of an account. Days are whole days, UTC. A
//! record dated after the clock counts when the clock has come to it.

mod apply;
mod definitions;
mod pass;
mod refresh;

use std::time::{Duration, Instant};

use salient_core::Result;
use salient_store::Lease;
use tokio_util::sync::CancellationToken;

use crate::{
    pace::Pace,
    profile::Profile,
    store::dirty::{self, SIGNAL},
};

/// How often to look for what other replicas committed, and for what time has brought.
const POLL: Duration = Duration::from_millis(300);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest rest while records pour in: what they change shows within a second all the same.
const REST: Duration = Duration::from_millis(600);

/// Follows the records until `shutdown`; of several replicas one does.
pub async fn run(profile: Profile, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let Err(error) = lead(&profile, &shutdown).await else { return };
        tracing::warn!(error = %error.chain(), "accounts cannot be looked at now");
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn lead(profile: &Profile, shutdown: &CancellationToken) -> Result<()> {
    // listening begins before the first look, so that nothing is committed in between
    let mut signal = profile.db.signal(SIGNAL);
    let Some(mut lease) = Lease::acquire(&profile.db, "profile.evaluation", shutdown).await? else {
        return Ok(());
    };
    let mut pace = Pace::new(REST);
    while !shutdown.is_cancelled() {
        lease.check().await?;
        let begin = Instant::now();
        let refreshed = refresh::refresh(profile).await?;
        let rest = if refreshed.is_pouring {
            let last = dirty::last(&mut profile.db.read().await?).await?;
            pace.rest(begin, last)
        } else {
            Duration::ZERO
        };
        let passed = pass::step(profile).await?;
        if passed || refreshed.entries > 0 {
            shutdown.run_until_cancelled(tokio::time::sleep(rest)).await;
            continue;
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = signal.wait(POLL) => {}
        }
    }
    lease.release().await
}
