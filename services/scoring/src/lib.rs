//! The scoring service: how likely is each account to order soon, and why; what it is worth, how it
//! fares, what it needs next, what it could buy and at what price.
//!
//! ```text
//! profile ──events──► ledger ─► scoring run: features before a moment ─► train ─► score ─► publish
//!                                                 │                        │         │
//!                                            point in time              models     scores
//! ```
//!
//! A run ([`run`]) reads the whole ledger into columns and hands them to `salient-learn` through a
//! view that cannot see a row dated at the cutoff or later. The model version and the frozen
//! features of each score stay in the store, so that it can be made again, bit for bit. A new
//! version goes live only if it passes its gates and is not worse than the one that is ([`registry`]);
//! what any would have promised in the past tells a [`backtest`]. The
//! same run learns the models of the customer base ([`insight`]); these answer at the read, from the
//! parameters and what was kept of an account.
//!
//! What a tenant declares ([`declarations`]) goes the same way: what is known of accounts is read some at a
//! time (`streams`), examples are gathered and scored in `declared`, and `schedule` starts the runs that
//! are due. What is measured of regions ([`measures`]) is joined as of its publication. What is worth
//! predicting anywhere is ready to be declared (`templates`).
//!
//! When people can be reached ([`insight::contact_time`]) is learned by the run from attempts of which it is
//! known whether they reached anybody, and answered with what somebody did since. Where customers get lost
//! ([`insight::funnel`]) is counted by the run and compared when it is asked.
//!
//! # How to add a feature
//! In `salient_learn::account`: a name and a value. Nothing here changes. An insight: see [`insight`].

mod app;
pub mod backtest;
pub mod bodies;
mod config;
pub mod declarations;
mod declared;
pub mod domain;
mod events;
mod grades;
pub mod grpc;
pub mod insight;
pub mod measures;
pub mod registry;
pub mod run;
mod schedule;
mod scores;
pub mod store;
mod streams;
mod templates;
mod told;

pub use app::{App, SERVICE, build};
pub use config::Config;
