//! The relay: from the outbox to the bus.
//!
//! One per service is at work; a [lease](salient_store::Lease) elects it. Each shard goes on by
//! itself, so that one whose consumers are stuck does not hold the others. Should two relays run
//! for a moment, some events are published twice, which consumers do not notice, and the order
//! holds: a relay publishes an event only after everything before it in the shard was published.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use salient_core::Result;
use salient_store::Db;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{Bus, Limit},
    envelope::SHARDS,
    leader::{Duty, lead},
    outbox::{self, Row},
    probe::{Probe, Step},
    retry::{Retry, Stopped},
};

/// How long events wait at most if nothing wakes the relay, as when another replica committed
/// them.
const POLL: Duration = Duration::from_secs(1);
/// How often the streams are trimmed.
const TRIM_EVERY: Duration = Duration::from_secs(10);

/// Publishes what the outbox of a service holds. Build it, then [`Relay::run`] it.
pub struct Relay {
    inner: Inner,
    groups: Vec<String>,
}

struct Inner {
    db: Db,
    bus: Bus,
    source: String,
    retry: Retry,
    limit: Limit,
    probe: Probe,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay")
            .field("source", &self.inner.source)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}

impl Relay {
    /// A relay for the outbox in `db` of the service `source`.
    #[must_use]
    pub fn new(db: Db, bus: Bus, source: &str) -> Self {
        Self {
            inner: Inner {
                db,
                bus,
                source: source.to_owned(),
                retry: Retry::default(),
                limit: Limit::default(),
                probe: Probe::default(),
            },
            groups: Vec::new(),
        }
    }

    /// Groups that get every event from the first one on, even if their services have never run
    /// yet: the relay makes them before it publishes.
    #[must_use]
    pub fn groups<G: Into<String>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.groups.extend(groups.into_iter().map(Into::into));
        self
    }

    /// Tries again in another way than [`Retry::default`]. A relay never gives up.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.inner.retry = retry;
        self
    }

    #[cfg(test)]
    pub(crate) fn probe(mut self, probe: Probe) -> Self {
        self.inner.probe = probe;
        self
    }

    /// Publishes until `shutdown`. Dropping it at any point loses nothing.
    ///
    /// # Errors
    /// INTERNAL after a defect of the relay itself.
    pub fn run(self, shutdown: CancellationToken) -> BoxFuture<'static, Result<()>> {
        // boxed here, so that it is compiled here and not again in every program that starts it
        Box::pin(self.work(shutdown))
    }

    async fn work(self, shutdown: CancellationToken) -> Result<()> {
        let Self { inner, groups } = self;
        let (db, retry) = (inner.db.clone(), inner.retry);
        let key = format!("events.relay.{}", inner.source);
        let inner = Arc::new(inner);
        lead(db, key, retry, shutdown, Relaying { inner, groups }).await
    }
}

struct Relaying {
    inner: Arc<Inner>,
    groups: Vec<String>,
}

impl Duty for Relaying {
    async fn prepare(&self) -> Result<()> {
        for group in &self.groups {
            self.inner.bus.create_group(group, &self.inner.source).await?;
        }
        Ok(())
    }

    async fn start(&self, stop: CancellationToken) -> Result<JoinSet<()>> {
        let mut tasks = JoinSet::new();
        for shard in 0..SHARDS {
            tasks.spawn(relay(Arc::clone(&self.inner), shard, stop.clone()));
        }
        tasks.spawn(trim(Arc::clone(&self.inner), stop));
        Ok(tasks)
    }
}

/// Works on one shard until it is told to stop.
async fn relay(inner: Arc<Inner>, shard: u16, shutdown: CancellationToken) {
    // On a stop the publication at hand is given up: in-process it may wait for a consumer that
    // stops too. The outbox still has it.
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        () = relay_forever(&inner, shard, &shutdown) => {}
    }
}

async fn relay_forever(inner: &Inner, shard: u16, shutdown: &CancellationToken) {
    // Listening begins before the first look, so that nothing is committed in between.
    let mut signal = outbox::signal(&inner.db, shard);
    let mut pauses = inner.retry.pauses();
    loop {
        match relay_once(inner, shard).await {
            Ok(found) => {
                pauses = inner.retry.pauses();
                if !found {
                    signal.wait(POLL).await;
                }
            }
            Err(error) => {
                tracing::warn!(
                    source = %inner.source, shard, error = %error.chain(),
                    "relaying failed, trying again"
                );
                if pauses.pause(shutdown).await == Err(Stopped) {
                    return;
                }
            }
        }
    }
}

/// Publishes the front of a shard; whether there was anything.
async fn relay_once(inner: &Inner, shard: u16) -> Result<bool> {
    let rows = outbox::front(&inner.db, shard, inner.limit).await?;
    if rows.is_empty() {
        return Ok(false);
    }
    inner.probe.at(Step::RelayRead).await;
    let events: Vec<_> = rows.iter().map(|Row { event, .. }| event.clone()).collect();
    inner.bus.publish(&events).await?;
    inner.probe.at(Step::RelayPublished).await;
    outbox::remove(&inner.db, &rows).await?;
    inner.probe.at(Step::RelayMarked).await;
    Ok(true)
}

async fn trim(inner: Arc<Inner>, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(TRIM_EVERY);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = inner.bus.trim(&inner.source).await {
            tracing::warn!(
                source = %inner.source, error = %error.chain(), "streams not trimmed"
            );
        }
    }
}
