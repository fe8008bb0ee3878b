//! The service over real gRPC, on both engines, with events on an in-process bus.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod access;
mod catalogue;
mod company;
mod days;
mod explain;
mod lists;
mod people;
mod plans;
mod quality;
mod races;
mod reactions;
mod runs;
mod world;
