//! Tables to records by a mapping file, and records to tables.
//!
//! ```no_run
//! # use std::{ops::ControlFlow, path::Path};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now = chrono::DateTime::UNIX_EPOCH;
//! let mut plan = salient_mapping::open(Path::new("online_retail.csv.gz"), None, now)?;
//! plan.batches(|batch| {
//!     println!("{} lines of {}", batch.lines, batch.origin.file());
//!     ControlFlow::Continue(())
//! })?;
//! println!("{} requests of products\n{}", plan.products().len(), plan.report());
//! # Ok(()) }
//! ```
//!
//! The way of a row: `rows` reads it, whatever the format; `mapping` says what its columns mean
//! (how a mapping is written stands in its manual, and `mappings/` has some to copy from); `read`,
//! `records` and `cells` check it; `collect` keeps it; `orders` gathers lines to orders; `batch` packs
//! them to messages of [`salient_proto::profile::v1::IngestRecordsRequest`]. Nothing is guessed: a
//! row is taken, left out by a rule of the mapping and counted, or refused with its line, its
//! field, what was found and what would be accepted ([`Report`]).
//!
//! An import can be run again: its batches carry the same request ids and its records the same
//! keys.
//!
//! The way back: [`export`] lays records out in columns, and [`Table`] writes them as CSV, JSON
//! Lines or Parquet. What it writes is read again without a mapping of one's own.

mod accounts;
mod batch;
mod catalogue;
mod cells;
mod collect;
mod dates;
mod decimal;
mod error;
pub mod export;
mod join;
mod keys;
mod mapping;
mod open;
mod orders;
mod plan;
mod read;
mod records;
mod report;
mod rows;
mod table;
#[cfg(test)]
mod tests;

pub use accounts::seller_requests;
pub use batch::{Batch, Batcher, Origin, RecordKind, Sink};
pub use catalogue::product_requests;
pub use error::{Error, Result};
pub use open::{check_mapping, format_of, open, open_file};
pub use orders::timestamp;
pub use plan::{Columns, Maker, Plan};
pub use report::{Damage, OrderCounts, RefusedLine, Report, Skipped};
pub use rows::{Format, Progress};
pub use table::Table;
