//! SQL for Salient: SQLite and Postgres behind one type.
//!
//! SQLite is the embedded default, Postgres is production; a service does not know which it
//! has. [`Db`] holds the connections, [`Tx`] is a transaction that may write, [`Read`] a
//! connection for reading, [`sql`] a statement that runs on either, and [`with!`] runs a
//! block of plain sqlx on either.
//!
//! # How to write a query for both engines
//! - Placeholders are `$1`, `$2`, … . `on conflict … do update … returning`, `with`, window
//!   functions, `is distinct from`, row values `(a, b) in (select …)` work on both.
//! - A batch is one statement: hand it in as [`Rows`] and write `{rows}` where the relation
//!   stands. Insert, update, look up and delete a thousand rows like this, never in a loop.
//!   Sort a batch by its key before writing it: two batches in different orders can deadlock
//!   on Postgres.
//! - In `insert … select … from {rows} … on conflict` write `where true` before `on conflict`,
//!   or SQLite takes `on` for a join condition.
//! - In one batch a key may come only once with `on conflict do update`: Postgres refuses to
//!   touch a row twice. Fold doubles in Rust, the last one wins.
//! - Columns are `text`, `bigint`, `double precision`, `boolean`, `uuid`, `{blob}`, and
//!   nothing else. Times are `bigint` microseconds ([`salient_core::to_micros`]; `bind` does it),
//!   JSON is `text`, money is `bigint` minor units. No arrays, no decimals.
//! - `sum(…)` of `bigint` is a decimal on Postgres: write `cast(sum(…) as bigint)`. Division
//!   of integers cuts on both.
//! - Text sorts by bytes on SQLite and by locale on Postgres: sort by ids and times, or write
//!   `collate "C"` in the migration of a column that is sorted by.
//! - A paged list goes on after a key: `where (time, id) < ($2, $3) order by time desc, id
//!   desc limit $4`, with the limit from `salient_core::Page::limit`. A filter of a list is
//!   given with [`Sql::filter`].
//! - The text is one literal. What differs between the engines stands behind a match on
//!   [`Connection::engine`], and only where an engine earns it.
//!
//! # Transactions
//! A function that works inside one takes `tx: &mut Tx` first and ends in `_in_tx`; it never
//! opens a second connection meanwhile. SQLite has one writer, so a transaction there waits
//! for all others: fetch and compute first, then begin, write, commit. Postgres runs read
//! committed: a statement sees what was committed before *it* began, so lock what you read
//! before you change it by it (`{for_update}`), or let one statement do both.
//!
//! # How to add a migration
//! Put the text in `migrations/<n>_<name>.sql`, add `Migration::new(n, "<name>",
//! include_str!(…))` to the service's list and never change it again: a changed one is
//! refused at the start. One migration is one step. Every table has `tenant text not null` as
//! the first part of its key. The placeholders are listed at [`Migration`].
//! ```no_run
//! use salient_store::{Db, Migration, Migrations, StoreConfig};
//!
//! static STEPS: &[Migration] = &[Migration::new(
//!     1,
//!     "accounts",
//!     "create table accounts (tenant text not null, id uuid not null, name text not null,
//!                             primary key (tenant, id))",
//! )];
//!
//! # async fn f() -> salient_store::Result<()> {
//! let migrations = Migrations::common().with(Migrations::new("profile", STEPS));
//! let db = Db::open(&StoreConfig::new("sqlite:data/profile.db"), &migrations).await?;
//! # let _ = db;
//! # Ok(())
//! # }
//! ```
//!
//! # Writes that can be sent again
//! ```no_run
//! # use salient_core::{Clock, Result, TenantId};
//! # use salient_store::{Db, idempotency};
//! # async fn work_in_tx(_: &mut salient_store::Tx) -> Result<()> { Ok(()) }
//! # async fn f(db: &Db, clock: &Clock, tenant: &TenantId, request_id: &str, request: &impl prost::Message) -> Result<()> {
//! let mut tx = db.begin().await?;
//! if let Some(_answer) = idempotency::check_in_tx(&mut tx, tenant, "UpsertAccounts", request_id, request).await? {
//!     return Ok(()); // decode and return the stored answer
//! }
//! let response = work_in_tx(&mut tx).await?;
//! idempotency::store_in_tx(&mut tx, tenant, "UpsertAccounts", request_id, &response, clock.now()).await?;
//! tx.commit().await?;
//! # Ok(())
//! # }
//! ```

mod config;
mod conn;
mod db;
mod error;
mod filter;
pub mod idempotency;
mod lease;
mod migrate;
mod rows;
pub mod runs;
mod signal;
mod sql;
mod statistics;
mod value;
mod worker;

pub use config::StoreConfig;
pub use conn::{Conn, Connection, Read, Tx};
pub use db::{Db, Engine};
pub use error::{Error, Result};
pub use filter::FilterColumn;
pub use lease::Lease;
pub use migrate::{Migration, Migrations};
pub use rows::Rows;
pub use runs::{NewRun, Run, RunState};
pub use signal::Signal;
pub use sql::{Record, Sql, sql};
pub use value::{IntoBytes, IntoInt, IntoText, IntoUuid, Value};
pub use worker::{RunContext, Worker};

pub(crate) static STEPS: &[Migration] = &[
    Migration::new(1, "idempotency", include_str!("../migrations/1_idempotency.sql")),
    Migration::new(2, "runs", include_str!("../migrations/2_runs.sql")),
];
