//! The sections that every service has.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use chrono::{DateTime, Utc};
use salient_core::clock::Clock;
use serde::{Deserialize, Serialize};

use super::Secret;

/// `[server]`: where a service listens and how much it takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address of the gRPC server; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Address of `/livez`, `/readyz` and `/metrics`; none serves them nowhere.
    pub admin: Option<SocketAddr>,
    /// Largest message taken, in bytes after decompression.
    pub max_message_bytes: usize,
    /// Calls in work at once, over all connections; more are shed with UNAVAILABLE.
    pub max_in_flight: usize,
    /// Deadline of a call that brings none, in milliseconds. Streams are covered.
    pub default_timeout_ms: u64,
    /// First stage of a shutdown: how long calls and tasks may finish by themselves, in milliseconds.
    pub shutdown_soft_ms: u64,
    /// Second stage: how long what was cancelled may take to end, in milliseconds.
    pub shutdown_hard_ms: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            admin: None,
            max_message_bytes: 8 * 1024 * 1024,
            max_in_flight: 256,
            default_timeout_ms: 30_000,
            shutdown_soft_ms: 20_000,
            shutdown_hard_ms: 5_000,
        }
    }
}

impl ServerConfig {
    /// The default of every service, on `port` of the loopback interface.
    pub fn on_port(port: u16) -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), ..Self::default() }
    }

    /// Deadline of a call that brings none.
    pub fn default_timeout(&self) -> Duration {
        Duration::from_millis(self.default_timeout_ms)
    }

    /// Length of the first stage of a shutdown.
    pub fn shutdown_soft(&self) -> Duration {
        Duration::from_millis(self.shutdown_soft_ms)
    }

    /// Length of the second stage of a shutdown.
    pub fn shutdown_hard(&self) -> Duration {
        Duration::from_millis(self.shutdown_hard_ms)
    }
}

/// `[auth]`: whose tokens are accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// The keys that may sign tokens; more than one lets keys be rotated.
    pub keys: Vec<KeyConfig>,
    /// If set, tokens must carry this `iss`.
    pub issuer: Option<String>,
    /// If set, tokens must carry this `aud`.
    pub audience: Option<String>,
    /// How far the clocks of issuer and service may be apart, in seconds.
    pub leeway_s: u64,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self { keys: Vec::new(), issuer: None, audience: None, leeway_s: 30 }
    }
}

/// One key of `[[auth.keys]]`. A key has one algorithm; a token cannot choose another.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// The `kid` in the header of a token.
    pub kid: String,
    /// How tokens of this key are signed.
    pub algorithm: Algorithm,
    /// The shared secret of HS256, at least 32 bytes.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// A file with the shared secret; white space around it is cut.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The public key of the other algorithms.
    #[serde(default)]
    pub public_key_pem: Option<String>,
    /// A file with the public key.
    #[serde(default)]
    pub public_key_file: Option<PathBuf>,
}

impl KeyConfig {
    /// A shared secret.
    pub fn hs256(kid: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            kid: kid.into(),
            algorithm: Algorithm::Hs256,
            secret: Some(Secret::new(secret)),
            secret_file: None,
            public_key_pem: None,
            public_key_file: None,
        }
    }
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256 and a shared secret.
    #[serde(rename = "HS256")]
    Hs256,
    /// RSA with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// `[telemetry]`: what a process tells about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Logs for people or for programs.
    pub format: LogFormat,
    /// Which logs: `info`, or directives such as `info,salient_store=debug`.
    pub filter: String,
    /// Where traces and metrics go over OTLP/gRPC, for example `http://collector:4317`; none sends nothing.
    pub otlp_endpoint: Option<String>,
    /// Share of traces begun here that are sampled, 0 to 1; a caller's decision is kept.
    pub trace_share: f64,
    /// Time between two exports of metrics, in milliseconds.
    pub metrics_interval_ms: u64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
            otlp_endpoint: None,
            trace_share: 1.0,
            metrics_interval_ms: 30_000,
        }
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[clock]`: the day that a service believes it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClockConfig {
    /// Starts the clock at this time (RFC 3339) instead of now: a replay of history.
    pub at: Option<DateTime<Utc>>,
}

impl ClockConfig {
    /// The clock: the system's, or one that starts at `at` and runs on.
    pub fn clock(&self) -> Clock {
        self.at.map_or_else(Clock::system, Clock::replay)
    }
}

/// `[runtime]`: the async runtime.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// Worker threads; as many as cores if not set.
    pub worker_threads: Option<usize>,
}
