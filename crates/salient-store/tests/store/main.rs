//! The store on both engines: one body per test, a fresh database each time.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod idempotency;
mod migrations;
mod runs;
mod statements;
mod support;
mod things;
mod transactions;
