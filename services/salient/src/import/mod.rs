//! Import: a user's files, or a model company, become batches of
//! [`salient_proto::profile::v1::IngestRecordsRequest`] and a catalogue.
//!
//! ```no_run
//! # use std::{ops::ControlFlow, path::Path};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now = chrono::DateTime::UNIX_EPOCH;
//! let mut plan = salient::import::open(Path::new("online_retail.csv.gz"), None, now)?;
//! plan.batches(|batch| {
//!     println!("{} lines of {}", batch.lines, batch.origin.file());
//!     ControlFlow::Continue(())
//! })?;
//! println!("{} requests of products\n{}", plan.products().len(), plan.report());
//! # Ok(()) }
//! ```
//!
//! The way of a row: `rows` reads it, whatever the format; `mapping` says what its columns mean
//! (how a mapping is written stands in its manual, and `mappings/` has two to copy from); `read`
//! and `records` check it; `collect` keeps it; `orders` gathers lines to orders; `batch` packs
//! them. Nothing is guessed: a row is taken, left out by a rule of the mapping and counted, or
//! refused with its line, its field, what was found and what would be accepted ([`Report`]).
//!
//! An import can be run again: its batches carry the same request ids and its records the same
//! keys.

mod accounts;
mod batch;
mod catalogue;
mod collect;
mod company;
mod dates;
mod decimal;
mod error;
mod join;
mod keys;
mod mapping;
mod orders;
mod plan;
mod read;
mod records;
mod report;
mod rows;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Origin, RecordKind};
pub use error::{Error, Result};
pub use plan::{Plan, open};
pub use report::{Damage, OrderCounts, RefusedLine, Report, Skipped};
pub use rows::Progress;

/// Plans the import of a model company: the same batches as from files.
pub fn company(company: salient_sim::Company) -> Plan {
    Plan::of_company(company)
}
