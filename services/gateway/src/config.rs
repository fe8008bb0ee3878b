//! What an operator sets.

use std::{collections::BTreeMap, time::Duration};

use salient_kit::config::{RuntimeConfig, ServerConfig, ServiceConfig, TelemetryConfig};
use serde::{Deserialize, Serialize};

/// The gateway's configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it listens and how much it takes. `max_message_bytes` is the largest body, and the
    /// largest line of a streamed one; `default_timeout_ms` the time of a call that asks for none.
    pub server: ServerConfig,
    /// Addresses of the services by name, for example `profile = "http://127.0.0.1:7401"`.
    pub upstreams: BTreeMap<String, String>,
    /// What only HTTP has.
    pub http: HttpConfig,
    /// Logs, traces and metrics.
    pub telemetry: TelemetryConfig,
    /// The async runtime.
    pub runtime: RuntimeConfig,
}

/// `[http]`: what only HTTP has.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Web pages of these origins (`https://crm.example`) may call from a browser; `*` allows all.
    /// None by default: then no page but our own may.
    pub cors_origins: Vec<String>,
    /// Time of a stream that asks for none, in milliseconds.
    pub stream_timeout_ms: u64,
    /// The longest time that a call may ask for, in milliseconds.
    pub max_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: ServerConfig::on_port(7400),
            upstreams: BTreeMap::new(),
            http: HttpConfig::default(),
            telemetry: TelemetryConfig::default(),
            runtime: RuntimeConfig::default(),
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { cors_origins: Vec::new(), stream_timeout_ms: 600_000, max_timeout_ms: 3_600_000 }
    }
}

impl HttpConfig {
    /// Time of a stream that asks for none.
    pub fn stream_timeout(&self) -> Duration {
        Duration::from_millis(self.stream_timeout_ms)
    }

    /// The longest time that a call may ask for.
    pub fn max_timeout(&self) -> Duration {
        Duration::from_millis(self.max_timeout_ms)
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
