//! How often and how fast to try again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How a consumer or relay tries again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// How often an event is tried before it becomes a dead letter. Errors that pass by
    /// themselves (UNAVAILABLE) do not count and are tried without bound.
    pub attempts: u32,
    /// The first pause; each next one is twice as long.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 5, first_pause: Duration::from_millis(50), longest_pause: Duration::from_secs(15) }
    }
}

impl Retry {
    pub(crate) fn pauses(&self) -> Pauses {
        Pauses { next: self.first_pause, longest: self.longest_pause }
    }
}

/// Pauses that double.
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    /// Pauses; `Err` as soon as `shutdown` is asked for.
    pub(crate) async fn pause(&mut self, shutdown: &CancellationToken) -> Result<(), Stopped> {
        let pause = self.next.min(self.longest);
        self.next = pause * 2;
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Err(Stopped),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}

/// The work was told to stop before it was done; what was not committed will come again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stopped;
