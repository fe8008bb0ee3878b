//! The scoring service: how likely is each account to order soon, and why.
//!
//! ```text
//! profile ──events──► ledger ─► scoring run: features before a moment ─► train ─► score ─► publish
//!                                                 │                        │         │
//!                                            point in time              models     scores
//! ```
//!
//! A run ([`run`]) reads the whole ledger into columns and hands them to `salient-learn` through a
//! view that cannot see a row dated at the cutoff or later. The model version and the frozen
//! features of each score stay in the store, so that a score can be computed again from them.
//!
//! # How to add a feature
//! In `salient_learn::account`: a name and a value. Nothing here changes.

mod app;
mod config;
pub mod domain;
mod events;
pub mod grpc;
pub mod run;
pub mod store;

pub use app::{App, SERVICE, build};
pub use config::Config;
