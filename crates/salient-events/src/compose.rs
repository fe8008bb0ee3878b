//! What a process gives to the services in it, and how their events travel.

use salient_core::{Clock, Result};
use salient_kit::{Lifecycle, config::Secret};
use serde::{Deserialize, Serialize};

use crate::Bus;

/// What a process gives to the services in it.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What time it is.
    pub clock: Clock,
    /// How events travel.
    pub bus: Bus,
    /// Tasks, readiness, shutdown.
    pub lifecycle: Lifecycle,
}

/// `[bus]`: how events travel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusConfig {
    /// `in-process`, which reaches only services of the same process, or the address of a Redis,
    /// `redis://[:password@]host:port[/db]`.
    pub url: Secret,
    /// What the stream keys begin with; the same for every service of a suite.
    pub prefix: String,
    /// The services that get every event of this one from the first on, even before they run for
    /// the first time. On an in-process bus each of them must run in the same process.
    pub groups: Vec<String>,
}

const IN_PROCESS: &str = "in-process";

impl Default for BusConfig {
    fn default() -> Self {
        Self { url: Secret::new(IN_PROCESS), prefix: "salient".to_owned(), groups: Vec::new() }
    }
}

impl BusConfig {
    /// The bus of a process that holds this service alone.
    ///
    /// # Errors
    /// `url` is neither `in-process` nor the address of a Redis, or the Redis does not answer.
    pub async fn connect(&self) -> Result<Bus> {
        match self.url.expose() {
            IN_PROCESS => Ok(Bus::in_process()),
            url => Bus::redis(url, &self.prefix).await,
        }
    }
}
