//! The service over real gRPC, on both engines, with events on an in-process bus.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod access;
mod batches;
mod events;
mod exports;
mod histories;
mod identity;
mod ingestion;
mod journeys;
mod lists;
mod matching;
mod process;
mod records;
mod segments;
mod timeline;
mod transfers;
mod world;
