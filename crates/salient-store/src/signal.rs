//! Wake-ups within a process: who waits for rows is told when they are committed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

/// Waits for commits that were marked with a name. It never misses one that came after the
/// last wait began, and it may wake for nothing; another process is not seen, so a waiter
/// always has a timeout after which it looks anyway.
#[derive(Clone, Debug)]
pub struct Signal(watch::Receiver<u64>);

impl Signal {
    /// Returns at the next marked commit (at once, if there was one since the last wait),
    /// or after `timeout`.
    pub async fn wait(&mut self, timeout: Duration) {
        // Closed means that the database is gone; then the timeout keeps the pace.
        if let Ok(Err(_)) = tokio::time::timeout(timeout, self.0.changed()).await {
            tokio::time::sleep(timeout).await;
        }
    }
}

#[derive(Default)]
pub(crate) struct Signals(Mutex<HashMap<&'static str, watch::Sender<u64>>>);

impl Signals {
    pub(crate) fn subscribe(&self, name: &'static str) -> Signal {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Signal(all.entry(name).or_insert_with(|| watch::Sender::new(0)).subscribe())
    }

    pub(crate) fn send(&self, name: &'static str) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = all.get(name) {
            sender.send_modify(|count| *count += 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_signal_between_two_waits_is_not_lost() {
        let signals = Signals::default();
        signals.send("nobody waits");
        let mut signal = signals.subscribe("outbox");
        signals.send("outbox");
        let start = tokio::time::Instant::now();
        signal.wait(Duration::from_secs(9)).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        signal.wait(Duration::from_secs(9)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(9));
    }
}
