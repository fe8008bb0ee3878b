//! The points between two steps at which a process may die. Tests stop a task at one of them;
//! otherwise they cost nothing.

/// A point that has been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The relay read events from the outbox.
    RelayRead,
    /// The bus took them; the outbox still has them.
    RelayPublished,
    /// They are gone from the outbox.
    RelayMarked,
    /// The consumer took events from the bus.
    Taken,
    /// The inbox rows are written, not committed.
    Inboxed,
    /// A handler ran, not committed.
    Handled,
    /// Effects and inbox rows are committed, not acknowledged.
    Committed,
    /// The bus knows.
    Acked,
}

// not a unit struct: the lint that shortens `Probe::default()` would break the tests' build
#[cfg(not(test))]
#[derive(Clone, Default)]
pub(crate) struct Probe {}

#[cfg(not(test))]
impl Probe {
    pub(crate) async fn at(&self, _step: Step) {}
}

#[cfg(test)]
pub(crate) use testing::Probe;

#[cfg(test)]
mod testing {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::sync::Notify;

    use super::Step;

    /// Stops whoever reaches a step for the n-th time, for ever.
    #[derive(Clone, Default)]
    pub(crate) struct Probe(Option<Arc<Stop>>);

    struct Stop {
        step: Step,
        left: AtomicUsize,
        reached: Notify,
    }

    impl Probe {
        pub(crate) fn stop(step: Step, nth: usize) -> Self {
            Self(Some(Arc::new(Stop { step, left: AtomicUsize::new(nth), reached: Notify::new() })))
        }

        pub(crate) async fn at(&self, step: Step) {
            if let Some(stop) = &self.0
                && stop.step == step
                && stop
                    .left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                    .is_ok_and(|before| before == 1)
            {
                stop.reached.notify_one();
                std::future::pending::<()>().await;
            }
        }

        /// Waits until somebody was stopped.
        pub(crate) async fn reached(&self) {
            if let Some(stop) = &self.0 {
                stop.reached.notified().await;
            }
        }
    }
}
