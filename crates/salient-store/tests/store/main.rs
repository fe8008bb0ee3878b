//! The store on both engines: one body per test, a fresh database each time.

mod idempotency;
mod migrations;
mod runs;
mod statements;
mod support;
