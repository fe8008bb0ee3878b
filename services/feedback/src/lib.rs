//! The feedback service: what sellers do with recommendations, and what came of them.
//!
//! ```text
//! recommendation ──events──► recommendations ─┐
//! profile ──────────events──► orders, deals ──┼─► matching ─► outcomes ─► funnel
//! RecordReaction ─► reactions ─► events       │
//! RecordExposures ─► exposures ───────────────┘
//! ```
//!
//! What each reaction does is decided once, in [`domain::effect`]; it travels with the event and
//! the recommendation service obeys. The share that was accepted and the share that came true are
//! kept apart. Outcomes are joined by token first, by account, product and window second.
//!
//! # How to add a reason
//! In the contract, in [`domain::Reason`], and with its effect in [`domain::effect`].

mod app;
mod config;
pub mod domain;
mod events;
pub mod grpc;
pub mod outcomes;
mod privacy;
pub mod react;
pub mod store;

pub use app::{App, SERVICE, build};
pub use config::Config;
