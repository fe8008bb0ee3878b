//! Starting, being ready, and leaving in two stages.
//!
//! A process has one [`Lifecycle`], shared by the services in it. Long-running work is started
//! with [`Lifecycle::spawn`]: an error or a panic of such a task ends the process with a code
//! that is not zero. A shutdown (SIGTERM, SIGINT, [`Lifecycle::shut_down`], a failed task) has
//! two stages:
//! - *soft*: health answers NOT_SERVING, `/readyz` answers 503, no new connection is accepted,
//!   calls in work and tasks finish;
//! - *hard*, after the soft time or on a second signal: calls and tasks are cancelled.
//!
//! Readiness is a [`Gate`] per service; `/readyz` is true when all are open.

mod gate;

use std::{
    any::Any,
    fmt::Display,
    future::Future,
    panic::AssertUnwindSafe,
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::config::ServerConfig;

pub use gate::Gate;

/// The life of a process. Clones share it.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// Cancelled when the process should take nothing new and finish what it has.
    pub soft: CancellationToken,
    /// Cancelled when what is not finished must be given up.
    pub hard: CancellationToken,
    /// The tasks that a shutdown waits for.
    pub tracker: TaskTracker,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    soft_time: Duration,
    hard_time: Duration,
    failures: Mutex<Vec<String>>,
    gates: Mutex<Vec<Gate>>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The tasks that failed, with their errors.
    pub failures: Vec<String>,
    /// Tasks that had not ended when the hard time was over.
    pub left_running: usize,
}

impl Ending {
    /// 0 if nothing failed and nothing was left running.
    pub fn exit_code(&self) -> ExitCode {
        if self.failures.is_empty() && self.left_running == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Lifecycle {
    /// A life whose shutdown takes at most `soft_time` and then `hard_time`.
    pub fn new(soft_time: Duration, hard_time: Duration) -> Self {
        Self {
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            tracker: TaskTracker::new(),
            shared: Arc::new(Shared {
                soft_time,
                hard_time,
                failures: Mutex::default(),
                gates: Mutex::default(),
            }),
        }
    }

    /// A life with the times of `config`.
    pub fn from_config(config: &ServerConfig) -> Self {
        Self::new(config.shutdown_soft(), config.shutdown_hard())
    }

    /// Starts a task that the process cannot do without. It should end soon after
    /// [`soft`](Self::soft) is cancelled; it is dropped half the hard time after
    /// [`hard`](Self::hard) is.
    pub fn spawn<F, E>(&self, name: &'static str, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let life = self.clone();
        let span = tracing::info_span!(parent: None, "task", name);
        let task = async move {
            // what listens to the hard stage may still say goodbye to its callers
            let given_up = async {
                life.hard.cancelled().await;
                tokio::time::sleep(life.shared.hard_time / 2).await;
            };
            let ended = tokio::select! {
                ended = AssertUnwindSafe(future).catch_unwind() => ended,
                () = given_up => {
                    tracing::warn!("task cancelled by the shutdown");
                    return;
                }
            };
            match ended {
                Ok(Ok(())) => tracing::debug!("task ended"),
                // the alternate form prints the chain of causes where there is one
                Ok(Err(error)) => life.fail(name, &format!("{error:#}")),
                Err(panic) => life.fail(name, &format!("panicked: {}", panic_text(&*panic))),
            }
        };
        self.tracker.spawn(task.instrument(span));
    }

    /// Records a failure and starts the shutdown.
    pub fn fail(&self, name: &str, error: &str) {
        tracing::error!(task = name, error, "task failed, shutting down");
        lock(&self.shared.failures).push(format!("{name}: {error}"));
        self.shut_down();
    }

    /// Starts the shutdown.
    pub fn shut_down(&self) {
        self.soft.cancel();
    }

    /// A new gate, closed, that `/readyz` counts from now on.
    pub fn gate(&self, name: impl Into<String>) -> Gate {
        let gate = Gate::new(name.into());
        lock(&self.shared.gates).push(gate.clone());
        gate
    }

    /// Whether the process should get work: at least one gate, all open, no shutdown.
    pub fn is_ready(&self) -> bool {
        let gates = lock(&self.shared.gates);
        !gates.is_empty() && gates.iter().all(Gate::is_ready) && !self.soft.is_cancelled()
    }

    /// Every gate's name and whether it is open.
    pub fn gates(&self) -> Vec<(String, bool)> {
        lock(&self.shared.gates).iter().map(|gate| (gate.name().to_owned(), gate.is_ready())).collect()
    }

    /// Runs until SIGTERM, SIGINT or [`shut_down`](Self::shut_down), then ends in two stages.
    pub async fn run_until_signal(&self) -> ExitCode {
        tokio::select! {
            name = signal() => {
                tracing::info!(signal = name, "signal received, shutting down");
                self.shut_down();
            }
            () = self.soft.cancelled() => {}
        }
        let impatient = async {
            let name = signal().await;
            tracing::warn!(signal = name, "second signal received, not waiting");
        };
        self.finish(impatient).await.exit_code()
    }

    /// The two stages of a shutdown: waits for the tasks, at most the soft time or until `hurry`
    /// completes, then cancels what is left and waits at most the hard time.
    pub async fn finish(&self, hurry: impl Future<Output = ()>) -> Ending {
        self.shut_down();
        self.tracker.close();
        tokio::select! {
            () = self.tracker.wait() => {}
            () = tokio::time::sleep(self.shared.soft_time) => {
                tracing::warn!(tasks = self.tracker.len(), "soft stage of the shutdown is over");
            }
            () = hurry => {}
        }
        self.hard.cancel();
        if tokio::time::timeout(self.shared.hard_time, self.tracker.wait()).await.is_err() {
            tracing::error!(tasks = self.tracker.len(), "tasks still running after the hard stage");
        }
        let ending =
            Ending { failures: lock(&self.shared.failures).clone(), left_running: self.tracker.len() };
        tracing::info!(failures = ending.failures.len(), "shut down");
        ending
    }
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned())
}

/// What is guarded here stays whole even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
async fn signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be listened to");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

#[cfg(not(unix))]
async fn signal() -> &'static str {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    "ctrl-c"
}

#[cfg(test)]
mod tests;
