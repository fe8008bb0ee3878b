//! The service over real gRPC, on both engines, with events on an in-process bus.

mod access;
mod batches;
mod events;
mod ingestion;
mod lists;
mod process;
mod records;
mod timeline;
mod world;
