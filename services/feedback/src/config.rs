//! What an operator sets.

use salient_events::BusConfig;
use salient_kit::config::{
    AuthConfig, ClockConfig, RuntimeConfig, ServerConfig, ServiceConfig, TelemetryConfig,
};
use salient_store::StoreConfig;
use serde::{Deserialize, Serialize};

/// The service's configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it listens and how much it takes.
    pub server: ServerConfig,
    /// Whose tokens are accepted.
    pub auth: AuthConfig,
    /// Where its data is.
    pub store: StoreConfig,
    /// How its events travel.
    pub bus: BusConfig,
    /// The day that it believes it is.
    pub clock: ClockConfig,
    /// Logs, traces and metrics.
    pub telemetry: TelemetryConfig,
    /// The async runtime.
    pub runtime: RuntimeConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: ServerConfig::on_port(7404),
            auth: AuthConfig::default(),
            store: StoreConfig::new("sqlite:data/feedback.db"),
            bus: BusConfig::default(),
            clock: ClockConfig::default(),
            telemetry: TelemetryConfig::default(),
            runtime: RuntimeConfig::default(),
        }
    }
}

impl ServiceConfig for Config {
    fn server(&self) -> &ServerConfig {
        &self.server
    }

    fn telemetry(&self) -> &TelemetryConfig {
        &self.telemetry
    }

    fn runtime(&self) -> &RuntimeConfig {
        &self.runtime
    }
}
