//! Identity resolution: which records are the same person, company or product.
//!
//! Pure: no input or output, no clock, no async; randomness comes in as a seed, and results do not
//! depend on the order in which records came or on the number of threads.
//!
//! ```
//! use salient_linkage::{Index, Kind, Learning, Record, Sources, learn, resolve};
//!
//! let mut index = Index::new(Kind::Person.config())?;
//! index.insert(&Record::new("1").with("full_name", "Dr. Ana Müller").with("email", "Ana.Muller@x.de"))?;
//! index.insert(&Record::new("2").with("full_name", "Müller, Ana").with("email", "ana.muller@x.de"))?;
//! let model = learn(&index, Sources::Any, &Learning::default())?;
//! let found = resolve(&index, &model, Sources::Any)?;
//! assert_eq!(found.merges.len() + found.reviews.len(), 1);
//! # Ok::<(), salient_linkage::Error>(())
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`normalise`] | raw values to the form in which they are compared |
//! | [`config`] | kinds of records: fields, comparisons, blocking keys, bands |
//! | [`compare`], [`phonetic`] | agreement levels of two values |
//! | [`Index`] | records packed, counted and blocked; insert, remove, candidates |
//! | [`model`], [`em`], [`learn()`] | Fellegi–Sunter probabilities and how they are learned without labels |
//! | [`score`] | match weights, their sum and their reasons |
//! | [`assign`], [`cluster`] | one partner each; clusters that hold together |
//! | [`resolve()`] | all of it over an index |
//!
//! **One new record** (a service that keeps an index): [`Index::normalise`], [`Scorer::matches`],
//! [`Scorer::explain_query`], then [`Index::insert`]. A service that keeps records in a database
//! stores [`Index::keys`] beside them and finds candidates by those.
//!
//! **How to add a field:** a line in `kinds`, with where its values come from, how they are compared
//! and whether related records share it; if no key blocks on it and it should, a key. **How to add a
//! comparison:** a variant of [`compare::Comparator`] with its levels, default probabilities and
//! level function. The tests check that names and numbers fit.

pub mod assign;
mod blocking;
pub mod cluster;
pub mod compare;
pub mod config;
pub mod em;
pub mod error;
mod hash;
mod index;
mod kinds;
mod learn;
mod levels;
pub mod model;
pub mod normalise;
pub mod phonetic;
mod record;
mod resolve;
pub mod score;
mod terms;

pub use cluster::{Blob, Doubt};
pub use config::{Band, Config, Kind};
pub use error::Error;
pub use index::{Index, Query};
pub use learn::{Learning, learn};
pub use model::Model;
pub use record::Record;
pub use resolve::{Link, Resolution, Sources, candidate_pairs, resolve};
pub use score::{Contribution, Explanation, Match, RELATED, Score, Scorer};
