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
    /// How long it remembers what it does not need for ever.
    pub retention: RetentionConfig,
    /// Who holds data of people.
    pub privacy: PrivacyConfig,
    /// Files that are taken in.
    pub transfers: TransfersConfig,
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
            server: ServerConfig::on_port(7401),
            auth: AuthConfig::default(),
            store: StoreConfig::new("sqlite:data/profile.db"),
            bus: BusConfig::default(),
            retention: RetentionConfig::default(),
            privacy: PrivacyConfig::default(),
            transfers: TransfersConfig::default(),
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

/// `[retention]`: how long the service remembers what it does not need for ever.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Days for which a `request_id` is remembered with its answer. A request that is sent again
    /// later is taken for a new one, which changes nothing unless the records changed meanwhile.
    pub request_ids_days: u32,
    /// Days for which it is kept who entered and left segments. A stream that watches them can go
    /// on for as long; who is in a segment, and the journeys, are kept for ever.
    pub membership_changes_days: u32,
    /// Days after which a file is forgotten that was begun and not sent to its end.
    pub unfinished_uploads_days: u32,
    /// Days for which it is kept what became of the lines of a file.
    pub transfers_days: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            request_ids_days: 30,
            membership_changes_days: 90,
            unfinished_uploads_days: 7,
            transfers_days: 90,
        }
    }
}

/// `[transfers]`: files that are taken in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransfersConfig {
    /// MiB of a file, at most. It waits in the database until it was read.
    pub max_mib: u64,
}

impl Default for TransfersConfig {
    fn default() -> Self {
        Self { max_mib: 1_024 }
    }
}

/// `[privacy]`: who is asked when a person is exported or erased.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacyConfig {
    /// The services beside this one that hold data. Each must be told of this one's events
    /// (`bus.groups`) and keep its own for this one. An erasure is complete when all have confirmed,
    /// so a suite without one of them leaves it out here.
    pub services: Vec<String>,
}

impl Default for PrivacyConfig {
    fn default() -> Self {
        Self { services: ["feedback", "recommendation", "scoring"].map(str::to_owned).into() }
    }
}
