//! The consumer: takes events from the bus and applies each once.
//!
//! Inbox row and effect share a commit, so a second delivery finds the row and does nothing. The
//! events of a shard are applied in their order, a batch in one transaction; shards go side by
//! side. If a batch fails, its events are applied one by one, so that the one to blame shows:
//! after bounded retries it becomes a dead letter and the others go on. Errors that pass by
//! themselves (UNAVAILABLE) hold the shard and are tried without bound.
//!
//! Of several processes with the same group one is at work (a [lease](salient_store::Lease)
//! elects it) and the others stand by. A lease alone cannot stop one that lost it without
//! noticing, so each run takes a number, the epoch, from the database, and every transaction
//! checks that it is still the latest.

mod handler;
mod worker;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use prost::{Message, Name};
use salient_core::{Clock, Result};
use salient_store::{Db, Engine};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::handler::{Handler, HandlerCtx, HandlerWith};
use self::worker::Worker;
pub(crate) use self::{handler::Handlers, worker::run as run_handler};
use crate::{
    bus::{Bus, Limit},
    envelope::SHARDS,
    inbox,
    leader::{Duty, lead},
    probe::Probe,
    retry::Retry,
};

/// How often old inbox rows are dropped.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// Applies the events of other services. Build it, then [`Consumer::run`] it.
pub struct Consumer {
    inner: Inner,
    sources: BTreeSet<String>,
}

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) bus: Bus,
    pub(crate) group: String,
    pub(crate) clock: Clock,
    pub(crate) handlers: Handlers,
    pub(crate) retry: Retry,
    pub(crate) limit: Limit,
    pub(crate) slots: Semaphore,
    pub(crate) probe: Probe,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer")
            .field("group", &self.inner.group)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// A consumer of the group `group`, which is the name of the service, with its effects in
    /// `db`.
    #[must_use]
    pub fn new(db: Db, bus: Bus, group: &str, clock: Clock) -> Self {
        // SQLite has one writer: one batch is written while the next is being decoded. On
        // Postgres shards go side by side, leaving connections to those who ask.
        let slots = match db.engine() {
            Engine::Sqlite => 2,
            Engine::Postgres => 4,
        };
        Self {
            inner: Inner {
                db,
                bus,
                group: group.to_owned(),
                clock,
                handlers: Handlers::default(),
                retry: Retry::default(),
                limit: Limit::default(),
                slots: Semaphore::new(slots),
                probe: Probe::default(),
            },
            sources: BTreeSet::new(),
        }
    }

    /// Also reads what the service `source` publishes. On the in-process bus the group exists
    /// from here on; on Redis from [`Consumer::create_groups`] or [`Consumer::run`] on.
    #[must_use]
    pub fn subscribe(mut self, source: &str) -> Self {
        if let Bus::InProcess(bus) = &self.inner.bus {
            bus.create_group(&self.inner.group, source);
        }
        self.sources.insert(source.to_owned());
        self
    }

    /// Applies events whose message is an `M` with an `async fn(&mut HandlerCtx, M) ->
    /// Result<()>`. Events that no handler wants are acknowledged and forgotten.
    #[must_use]
    pub fn handle<M, F>(mut self, handler: F) -> Self
    where
        M: Message + Name + Default + 'static,
        F: for<'a> Handler<'a, M> + 'static,
    {
        self.inner.handlers.add(handler);
        self
    }

    /// Like [`Consumer::handle`], for an `async fn(S, &mut HandlerCtx, M) -> Result<()>` that
    /// gets a clone of `state`.
    #[must_use]
    pub fn handle_with<S, M, F>(mut self, state: S, handler: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        M: Message + Name + Default + 'static,
        F: for<'a> HandlerWith<'a, S, M> + 'static,
    {
        self.inner.handlers.add_with(state, handler);
        self
    }

    /// Tries again in another way than [`Retry::default`].
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.inner.retry = retry;
        self
    }

    /// Applies at most this many events, and about this many bytes, in one transaction.
    #[must_use]
    pub fn batch(mut self, events: usize, bytes: usize) -> Self {
        self.inner.limit = Limit { events: events.max(1), bytes: bytes.max(1) };
        self
    }

    #[cfg(test)]
    pub(crate) fn probe(mut self, probe: Probe) -> Self {
        self.inner.probe = probe;
        self
    }

    pub(crate) fn handlers(&self) -> &Handlers {
        &self.inner.handlers
    }

    pub(crate) fn db(&self) -> &Db {
        &self.inner.db
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    pub(crate) fn group(&self) -> &str {
        &self.inner.group
    }

    /// Makes sure that the group exists on all its sources, so that nothing published from now
    /// on is lost to it. [`Consumer::run`] does this too; a service that calls it while it is
    /// built need not be running yet when others begin to publish.
    ///
    /// # Errors
    /// DEPENDENCY_UNAVAILABLE when Redis does not answer.
    pub async fn create_groups(&self) -> Result<()> {
        create_groups(&self.inner, &self.sources).await
    }

    /// Applies events until `shutdown`. Then it ends after the transaction at hand; what is not
    /// committed comes again. Dropping it at any point loses nothing either.
    ///
    /// # Errors
    /// INTERNAL after a defect of the consumer itself; whatever a handler does is dealt with.
    pub fn run(self, shutdown: CancellationToken) -> BoxFuture<'static, Result<()>> {
        // boxed here, so that it is compiled here and not again in every program that starts it
        Box::pin(self.work(shutdown))
    }

    async fn work(self, shutdown: CancellationToken) -> Result<()> {
        let Self { inner, sources } = self;
        let (db, retry) = (inner.db.clone(), inner.retry);
        let key = format!("events.consumer.{}", inner.group);
        let inner = Arc::new(inner);
        lead(db, key, retry, shutdown, Consuming { inner, sources }).await
    }
}

struct Consuming {
    inner: Arc<Inner>,
    sources: BTreeSet<String>,
}

impl Duty for Consuming {
    /// A replica that stands by makes the groups too: they must not miss anything meanwhile.
    async fn prepare(&self) -> Result<()> {
        create_groups(&self.inner, &self.sources).await
    }

    async fn start(&self, stop: CancellationToken) -> Result<JoinSet<()>> {
        let epoch = inbox::take_over(&self.inner.db, &self.inner.group).await?;
        let mut tasks = JoinSet::new();
        for source in &self.sources {
            for shard in 0..SHARDS {
                let worker = Worker {
                    inner: Arc::clone(&self.inner),
                    source: source.clone(),
                    shard,
                    epoch,
                    shutdown: stop.clone(),
                };
                tasks.spawn(worker.run());
            }
        }
        tasks.spawn(prune(Arc::clone(&self.inner), stop));
        Ok(tasks)
    }
}

async fn create_groups(inner: &Inner, sources: &BTreeSet<String>) -> Result<()> {
    for source in sources {
        inner.bus.create_group(&inner.group, source).await?;
    }
    Ok(())
}

/// Forgets, now and then, inbox rows too old to be delivered again. The first time not before
/// the run had time to see what the one before it left unacknowledged.
async fn prune(inner: Arc<Inner>, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(PRUNE_EVERY);
    ticks.tick().await;
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = inbox::prune(&inner.db, &inner.group).await {
            tracing::warn!(group = %inner.group, error = %error.chain(), "inbox not pruned");
        }
    }
}
