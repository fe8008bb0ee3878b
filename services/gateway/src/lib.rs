//! The gateway: REST and JSON for every RPC of the suite, from the contract's annotations.
//!
//! # The way of a request
//! [`contract::Routes`] finds the RPC by method and path; [`transcode`] makes its message out of
//! path, query and body; [`http`] calls the service that owns the RPC's package, with the
//! caller's token, trace and remaining time, and sends the answer as canonical proto3 JSON or as
//! an RFC 9457 problem. Client streams are bodies of newline-delimited JSON, passed on while they
//! arrive; server streams are answers of the same form.
//!
//! # How to add an RPC
//! Not here. Write it in `proto/` with its comment, roles, rules and `google.api.http`
//! annotation: route, documentation ([`openapi`]) and form ([`page`]) come from the descriptors.
//! A new package `salient.<name>.v1` needs an address, `upstreams.<name>`; an RPC of
//! `salient.common.v1` is served once for each service, as `/v1/{service}/…`.
//!
//! # Who may call
//! A call without a bearer token is refused here; whether the token is good, and what it allows,
//! the service behind decides.
//!
//! # Running it
//! ```toml
//! [server]
//! listen = "0.0.0.0:7400"
//! [upstreams]
//! profile = "http://profile:7401"
//! scoring = "http://scoring:7402"
//! recommendation = "http://recommendation:7403"
//! feedback = "http://feedback:7404"
//! ```

pub mod app;
pub mod config;
pub mod contract;
pub mod http;
pub mod openapi;
pub mod page;
pub mod transcode;

pub use app::{App, Parts, build};
pub use config::Config;
