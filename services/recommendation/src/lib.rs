//! The recommendation service: catalogue, sellers, and the daily plan.
//!
//! ```text
//! profile, scoring, feedback ──events──► projections ─┐
//!                                                     ├─► plan run: train, rank, draft ─► pools
//! CatalogueService ──► products, sellers ─────────────┘                                     │
//! RecommendationService ──► GetDailyPlan ◄── recommendations ◄── choose (rules, capacity) ◄─┘
//! ```
//!
//! A plan run ([`runs::plan`]) looks at the whole history in memory, as it was known before the
//! day, and leaves each seller a pool of drafts with their evidence. Choosing the list from the
//! pool ([`plans`]) is cheap, so it is done again whenever a reaction or an order has overtaken
//! the list. What is chosen is frozen and issued; [`quality`] tells later what came true.
//!
//! # How to add a play
//! Add it to `Play` in the contract and in [`domain::draft`], say in [`planner::play`] which
//! candidates it is for, and what speaks for it in [`planner::Drafter::draft`].
//!
//! # How to add a rule that keeps items off a list
//! Add it to [`domain::slate::Rules`] and fill it in [`plans::choose_in_tx`].

mod app;
pub mod catalogue;
mod config;
pub mod domain;
mod events;
pub mod grpc;
pub mod planner;
pub mod plans;
pub mod policies;
mod privacy;
pub mod quality;
pub mod runs;
pub mod store;

pub use app::{App, SERVICE, build};
pub use config::Config;
