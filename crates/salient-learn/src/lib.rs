//! Pure algorithms and metrics: whom to contact, about what, and whether it came true.
//!
//! No input or output, no clock, no async; randomness comes in as a seed. Everything that looks
//! at the past goes through [`history::AsOf`], a view that cannot see a row dated at its cutoff
//! or later, so that a training example knows only what was known then.
//!
//! | module | what it holds |
//! |---|---|
//! | [`history`] | orders as columns, the point-in-time view, outcome windows |
//! | [`features`], [`frame`] | features from declarations at any cutoff; mixed tables of them |
//! | [`rhythm`] | how often and how evenly an account (or an account and a product) buys |
//! | [`ease`], [`neighbours`], [`sparse`] | products bought together, accounts alike |
//! | [`model`], [`logistic`], [`trees`], [`bayes`] | learners behind one trait, with additive contributions |
//! | [`onnx`] | models that were trained elsewhere |
//! | [`calibrate`], [`metrics`] | honest probabilities and how to measure them |
//! | [`tabular`] | a model of any table: leaks, choice over time, calibration, gate, reasons |
//! | [`drift`], [`report`] | watching a live model; a report of it as JSON and as a page with plots |
//! | [`declared`] | models that a tenant declares: population and target as conditions |
//! | [`propensity`] | will this account order within the horizon, and for how much |
//! | [`pairs`] | which product to raise with which account |
//! | [`need`], [`contact_time`] | when the next product is due, and the hour to call |
//! | [`lifetime`] | who is still a customer, how often they will buy and for how much |
//! | [`health`], [`potential`], [`price`] | how an account does, what it could buy, what others paid |
//! | [`funnel`] | which step of the way of customers is worse than elsewhere |
//! | [`evaluate`] | what share of the recommendations came true, with intervals and baselines |
//! | [`robust`] | quantiles and slopes that one wild value does not move |
//!
//! **How to add a pair feature:** append its name to `pairs::features::NAMES` and its value in
//! `pairs::features::fill`; the tests check names against columns and run the planted-future test
//! over the whole ranking. **How to add a learner:** implement [`model::Learner`] and
//! [`model::Model`], add it to [`model::AnyModel`], and extend the additivity test.

pub mod account;
pub mod bayes;
pub mod calibrate;
pub mod contact_time;
pub mod declared;
pub mod drift;
pub mod ease;
pub mod error;
pub mod evaluate;
pub mod features;
mod forest;
pub mod frame;
pub mod funnel;
pub mod health;
pub mod history;
pub mod lifetime;
pub mod logistic;
pub mod metrics;
pub mod model;
pub mod need;
pub mod neighbours;
pub mod onnx;
pub mod pairs;
pub mod potential;
pub mod price;
pub mod propensity;
pub mod report;
pub mod rhythm;
pub mod robust;
pub mod sparse;
pub mod tabular;
pub mod trees;
mod words;

pub use error::Error;
pub use history::{AsOf, DAY_US, History};
