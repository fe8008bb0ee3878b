//! Work that one of several replicas does: standing by, taking over, letting go.

use std::time::Duration;

use salient_core::{Error, Result};
use salient_store::{Db, Lease};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::retry::{Retry, Stopped};

/// How often the leader makes sure that it is one.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How long the database may take to say so.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// What the leader does.
pub(crate) trait Duty: Send + Sync + 'static {
    /// Runs before the lease is asked for, also on a replica that then stands by.
    fn prepare(&self) -> impl Future<Output = Result<()>> + Send;
    /// Starts the work. The tasks end when their token is cancelled; if one ends by itself, all
    /// are stopped and it begins anew.
    fn start(&self, stop: CancellationToken) -> impl Future<Output = Result<JoinSet<()>>> + Send;
}

/// Does a duty whenever this process holds the lease `key`, until `shutdown`.
pub(crate) async fn lead(
    db: Db,
    key: String,
    retry: Retry,
    shutdown: CancellationToken,
    duty: impl Duty,
) -> Result<()> {
    let mut pauses = retry.pauses();
    loop {
        let stop = shutdown.child_token();
        let begun = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            begun = begin(&db, &key, &shutdown, &duty, stop.clone()) => begun,
        };
        match begun {
            Ok(None) => return Ok(()),
            Ok(Some((lease, tasks))) => {
                tracing::info!(key, "leading");
                supervise(lease, tasks, stop).await?;
                tracing::info!(key, "leading no more");
                pauses = retry.pauses();
            }
            Err(error) => {
                tracing::warn!(key, error = %error.chain(), "cannot lead, trying again");
            }
        }
        if pauses.pause(&shutdown).await == Err(Stopped) {
            return Ok(());
        }
    }
}

async fn begin<D: Duty>(
    db: &Db,
    key: &str,
    shutdown: &CancellationToken,
    duty: &D,
    stop: CancellationToken,
) -> Result<Option<(Lease, JoinSet<()>)>> {
    duty.prepare().await?;
    let Some(lease) = Lease::acquire(db, key, shutdown).await? else {
        return Ok(None);
    };
    Ok(Some((lease, duty.start(stop).await?)))
}

async fn supervise(mut lease: Lease, mut tasks: JoinSet<()>, stop: CancellationToken) -> Result<()> {
    let mut defect = None;
    loop {
        let ended = tokio::select! {
            ended = tasks.join_next() => ended,
            () = lost(&mut lease), if !stop.is_cancelled() => {
                stop.cancel();
                continue;
            }
        };
        match ended {
            None => break,
            Some(Ok(())) => {}
            Some(Err(error)) => defect = Some(Error::internal(error)),
        }
        stop.cancel();
    }
    if let Err(error) = lease.release().await {
        // Its connection is gone, and the lease with it.
        tracing::info!(error = %error.chain(), "lease was already gone");
    }
    defect.map_or(Ok(()), Err)
}

/// Returns when the lease can no longer be relied on.
async fn lost(lease: &mut Lease) {
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        match tokio::time::timeout(CHECK_TIMEOUT, lease.check()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %error.chain(), "lease lost");
                return;
            }
            Err(_) => {
                tracing::warn!("lease lost: the database does not answer");
                return;
            }
        }
    }
}
