//! The service over real gRPC, on both engines, with events on an in-process bus.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod access;
mod batches;
mod consents;
mod customer;
mod erasure;
mod events;
mod exports;
mod hierarchy;
mod histories;
mod identity;
mod ingestion;
mod journeys;
mod lists;
mod logs;
mod matching;
mod privacy;
mod process;
mod records;
mod search;
mod segments;
mod telemetry;
mod timeline;
mod transfers;
mod world;
