//! What makes a process a good citizen.
//!
//! - [`config`]: layered configuration with friendly errors;
//! - [`telemetry`]: logs, metrics, traces; [`admin`]: `/livez`, `/readyz`, `/metrics`;
//! - [`lifecycle`]: tasks, readiness, shutdown in two stages; [`process`]: all of it around a
//!   service's `main`;
//! - [`auth`]: bearer tokens; [`server`] and [`layers`]: the gRPC server and what every call
//!   passes through; [`request`]: what a handler begins with; [`status`]: errors on the wire;
//! - [`client`]: channels to other services.
//!
//! # How to add a layer
//! Write it in `layers/<name>.rs` with its test (copy `limit.rs`), place it in
//! `server::stack`, whose comment says why the order is as it is, and list its metric or header
//! in its module's documentation.

pub mod admin;
pub mod auth;
pub mod client;
pub mod config;
pub mod layers;
pub mod lifecycle;
pub mod process;
pub mod request;
pub mod server;
pub mod status;
pub mod telemetry;

pub use auth::{Caller, Claims, Role, Signer, Verifier};
pub use lifecycle::Lifecycle;
pub use request::{Ctx, accept, accept_stream};
pub use server::Grpc;
pub use status::{IntoStatus, status};
