//! The loop that claims runs and works on them.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use futures::{FutureExt as _, future::BoxFuture};
use salient_core::{Clock, Error, Reason, Result};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument as _;

use crate::{
    db::{Db, Engine},
    runs::{self, LEASE, MAX_ATTEMPTS, Run},
};

/// How often to look for runs of other replicas, and for passed leases.
const POLL: Duration = Duration::from_secs(1);
/// How often a lease is renewed: three times before it passes.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The shortest time between two writes of progress.
const FLUSH: Duration = Duration::from_millis(250);

type Handler = Arc<dyn Fn(RunContext) -> BoxFuture<'static, Result<Vec<u8>>> + Send + Sync>;

/// What a handler gets: the run, and the means to work on it. Cheap to clone.
#[derive(Clone)]
pub struct RunContext {
    /// The run.
    pub run: Arc<Run>,
    /// The database that the run is kept in.
    pub db: Db,
    /// The service's clock.
    pub clock: Clock,
    /// Cancelled when the process shuts down: stop soon and return any error. The run is
    /// then given back and starts again elsewhere.
    pub shutdown: CancellationToken,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    now: Mutex<(f64, String)>,
    changed: Notify,
}

impl RunContext {
    /// Says how far the work is (0 to 1) and what is being done. Cheap, and may be called
    /// from any thread: it is written to the database a few times a second at most.
    pub fn progress(&self, share: f64, step: impl Into<String>) {
        *self.progress.now.lock().unwrap_or_else(PoisonError::into_inner) = (share, step.into());
        self.progress.changed.notify_one();
    }
}

/// Claims runs and works on them: one of each kind at a time, so that one long kind does
/// not keep the others waiting.
///
/// A handler that fails with a transient error is tried again, up to [`MAX_ATTEMPTS`] times
/// in all; any other error, and a panic, fails the run at once.
pub struct Worker {
    db: Db,
    clock: Clock,
    handlers: HashMap<&'static str, Handler>,
    lease: TimeDelta,
    grace: Duration,
}

impl Worker {
    /// A worker without handlers.
    #[must_use]
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, handlers: HashMap::new(), lease: LEASE, grace: Duration::from_secs(5) }
    }

    /// Works on runs of `kind` with this function. What it returns is the run's result.
    #[must_use]
    pub fn handle<F, Fut>(mut self, kind: &'static str, handler: F) -> Self
    where
        F: Fn(RunContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>>> + Send + 'static,
    {
        self.handlers.insert(kind, Arc::new(move |context| handler(context).boxed()));
        self
    }

    /// How long a handler may go on after `shutdown` before it is stopped; 5 seconds if
    /// nothing is said.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long a run stays claimed without a sign of life; 15 seconds if nothing is said.
    #[must_use]
    pub fn lease(mut self, lease: TimeDelta) -> Self {
        self.lease = lease;
        self
    }

    /// Works until `shutdown`. Fails only if the database refuses for good.
    pub fn run(self, shutdown: CancellationToken) -> BoxFuture<'static, Result<()>> {
        // boxed here, so that it is compiled here and not again in every program that starts it
        Box::pin(self.follow(shutdown))
    }

    async fn follow(self, shutdown: CancellationToken) -> Result<()> {
        let mut signal = self.db.signal(runs::SIGNAL);
        let mut tasks: JoinSet<&'static str> = JoinSet::new();
        let mut busy: HashMap<&'static str, Arc<Run>> = HashMap::new();
        while let Err(error) = self.reclaim().await {
            if !error.is_transient() {
                return Err(error);
            }
            tracing::warn!(error = error.chain(), "runs cannot be taken back now");
            // also a service that stops as soon as it has started, whose database may be closed by now
            if shutdown.run_until_cancelled(tokio::time::sleep(POLL)).await.is_none() {
                return Ok(());
            }
        }
        while !shutdown.is_cancelled() {
            let free: Vec<&'static str> =
                self.handlers.keys().filter(|kind| !busy.contains_key(*kind)).copied().collect();
            match runs::claim(&self.db, &free, self.lease).await {
                Ok(Some(run)) => {
                    let found = self.handlers.get_key_value(run.kind.as_str());
                    if let Some((kind, handler)) = found.map(|(kind, handler)| (*kind, handler.clone())) {
                        let run = Arc::new(run);
                        busy.insert(kind, run.clone());
                        let task = self.task(run, handler, shutdown.clone());
                        tasks.spawn(task.map(move |()| kind));
                    }
                    continue;
                }
                Ok(None) => {}
                Err(error) if error.is_transient() => {
                    tracing::warn!(error = error.chain(), "runs cannot be claimed now");
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(done) = tasks.join_next() => {
                    if let Ok(kind) = done { busy.remove(kind); }
                }
                () = signal.wait(POLL) => {}
            }
        }
        let drained = timeout(self.grace, async {
            while let Some(done) = tasks.join_next().await {
                if let Ok(kind) = done {
                    busy.remove(kind);
                }
            }
        });
        if drained.await.is_err() {
            tasks.shutdown().await;
            for run in busy.values() {
                // the service may have closed the database by now; then the lease passes instead
                if let Err(error) = self.release(run, TimeDelta::zero(), false).await {
                    tracing::warn!(error = error.chain(), id = %run.id, "run not given back, its lease will pass");
                }
            }
        }
        Ok(())
    }

    async fn reclaim(&self) -> Result<()> {
        if self.db.engine() == Engine::Sqlite {
            let in_hand = self.in_hand().iter().copied().collect();
            let mut tx = self.db.begin().await?;
            runs::reclaim_in_tx(&mut tx, in_hand).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    fn in_hand(&self) -> std::sync::MutexGuard<'_, std::collections::HashSet<uuid::Uuid>> {
        self.db.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn release(&self, run: &Run, pause: TimeDelta, counts: bool) -> Result<()> {
        let mut tx = self.db.begin().await?;
        runs::release_in_tx(&mut tx, run, pause, counts).await?;
        Ok(tx.commit().await?)
    }

    /// One run from claim to end.
    fn task(
        &self,
        run: Arc<Run>,
        handler: Handler,
        shutdown: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        let span = tracing::info_span!("run", kind = run.kind, id = %run.id, tenant = %run.tenant, attempt = run.attempts);
        let this = Self { handlers: HashMap::new(), ..self.clone_parts() };
        async move {
            this.in_hand().insert(run.id);
            let id = run.id;
            // Also when the task is stopped.
            let db = this.db.clone();
            let _guard = OnDrop(move || {
                db.shared.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            });
            let outcome = this.work(&run, handler, shutdown.clone()).await;
            let mut pause = Duration::from_millis(100);
            // Ending is worth some patience: without it the whole run is repeated.
            while let Err(error) = this.end(&run, &outcome, &shutdown).await {
                tracing::warn!(error = error.chain(), "the end of a run cannot be written");
                if !error.is_transient() || pause > Duration::from_secs(10) {
                    return;
                }
                sleep(pause).await;
                pause *= 2;
            }
        }
        .instrument(span)
    }

    fn clone_parts(&self) -> Self {
        Self {
            db: self.db.clone(),
            clock: self.clock.clone(),
            handlers: HashMap::new(),
            lease: self.lease,
            grace: self.grace,
        }
    }

    async fn work(&self, run: &Arc<Run>, handler: Handler, shutdown: CancellationToken) -> Outcome {
        if run.attempts > MAX_ATTEMPTS {
            let message =
                format!("given up after {MAX_ATTEMPTS} attempts, each of which ended with its worker");
            return Outcome::Ended(Err(Error::new(Reason::Internal, message)));
        }
        tracing::info!("run begins");
        let progress = Arc::new(Progress::default());
        let context = RunContext {
            run: run.clone(),
            db: self.db.clone(),
            clock: self.clock.clone(),
            shutdown,
            progress: progress.clone(),
        };
        // A task of its own, so that a handler that computes does not hold up the renewals.
        let heartbeat = heartbeat(self.db.clone(), run.clone(), progress, self.lease);
        let lost = AbortOnDropHandle::new(tokio::spawn(heartbeat.in_current_span()));
        // Nothing of a handler that panicked is used again.
        let working = AssertUnwindSafe(async move { handler(context).await }).catch_unwind();
        tokio::select! {
            result = working => match result {
                Ok(result) => Outcome::Ended(result),
                Err(_) => Outcome::Ended(Err(Error::internal("the handler panicked"))),
            },
            _ = lost => Outcome::Lost,
        }
    }

    async fn end(&self, run: &Run, outcome: &Outcome, shutdown: &CancellationToken) -> Result<()> {
        let result = match outcome {
            Outcome::Ended(result) => result,
            Outcome::Lost => {
                tracing::warn!("run was taken over by another worker");
                return Ok(());
            }
        };
        match result {
            Ok(result) => {
                let mut tx = self.db.begin().await?;
                // False when the handler has ended it itself.
                runs::finish_in_tx(&mut tx, run, result, self.clock.now()).await?;
                tx.commit().await?;
                tracing::info!("run succeeded");
            }
            Err(_) if shutdown.is_cancelled() => {
                self.release(run, TimeDelta::zero(), false).await?;
                tracing::info!("run interrupted by shutdown");
            }
            Err(error) if error.is_transient() && run.attempts < MAX_ATTEMPTS => {
                self.release(run, TimeDelta::seconds(1 << run.attempts.clamp(0, 5)), true).await?;
                tracing::warn!(error = error.chain(), "run will be tried again");
            }
            Err(error) => {
                let mut tx = self.db.begin().await?;
                runs::fail_in_tx(&mut tx, run, error.reason(), error.message(), self.clock.now()).await?;
                tx.commit().await?;
                tracing::error!(error = error.chain(), "run failed");
            }
        }
        Ok(())
    }
}

enum Outcome {
    Ended(Result<Vec<u8>>),
    Lost,
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Renews the lease and writes progress; returns when the lease is lost.
async fn heartbeat(db: Db, run: Arc<Run>, progress: Arc<Progress>, lease: TimeDelta) {
    let every = HEARTBEAT.min(lease.to_std().unwrap_or(HEARTBEAT) / 3);
    let mut written = Instant::now();
    loop {
        // Progress is written when there is some, the lease at the latest after `every`.
        let _ = timeout(every.saturating_sub(written.elapsed()), progress.changed.notified()).await;
        sleep(FLUSH.min(every).saturating_sub(written.elapsed())).await;
        let (share, step) = progress.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match runs::progress(&db, &run, share, &step, lease).await {
            Ok(true) => {}
            Ok(false) => return,
            // The lease may pass meanwhile; then the next write says so.
            Err(error) => tracing::warn!(error = error.chain(), "the lease of a run cannot be renewed now"),
        }
        written = Instant::now();
    }
}
