//! Whether one service of a process should get work.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::Lifecycle;

/// Failed probes in a row that close a gate. One is a hiccup: taking every replica out of the
/// load balancer because of it would turn it into an outage. One good probe opens it again.
const FAILURES_TO_CLOSE: u32 = 3;

/// Readiness of one service: closed at first, opened by [`mark_ready`](Self::mark_ready).
#[derive(Clone, Debug)]
pub struct Gate {
    name: Arc<str>,
    open: watch::Sender<bool>,
}

impl Gate {
    pub(super) fn new(name: String) -> Self {
        Self { name: name.into(), open: watch::Sender::new(false) }
    }

    /// The service.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The service can do its work.
    pub fn mark_ready(&self) {
        if !self.open.send_replace(true) {
            tracing::info!(service = %self.name, "ready");
        }
    }

    /// The service cannot do its work for now.
    pub fn mark_unready(&self, why: &str) {
        if self.open.send_replace(false) {
            tracing::warn!(service = %self.name, why, "not ready");
        }
    }

    /// Whether it is open.
    pub fn is_ready(&self) -> bool {
        *self.open.borrow()
    }

    /// Follows the gate.
    pub fn subscribe(&self) -> watch::Receiver<bool> {
        self.open.subscribe()
    }

    /// Opens after the first good probe, closes after three bad ones in a row, until the
    /// shutdown. A probe that takes longer than `interval` is a bad one.
    pub fn follow<F, Fut, E>(&self, life: &Lifecycle, interval: Duration, probe: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send,
        E: std::fmt::Display + Send,
    {
        let gate = self.clone();
        let soft = life.soft.clone();
        life.spawn("readiness", async move {
            let mut failures = 0;
            loop {
                let failure = match tokio::time::timeout(interval, probe()).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(_) => Some("the probe takes too long".to_owned()),
                };
                match failure {
                    None => {
                        failures = 0;
                        gate.mark_ready();
                    }
                    Some(why) => {
                        failures += 1;
                        if failures >= FAILURES_TO_CLOSE {
                            gate.mark_unready(&why);
                        }
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    () = soft.cancelled() => return Ok::<(), std::convert::Infallible>(()),
                }
            }
        });
    }
}
