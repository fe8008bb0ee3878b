//! The service over real gRPC, on both engines, with events on an in-process bus.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod access;
mod company;
mod contact_times;
mod declared;
mod funnel;
mod given;
mod history;
mod insights;
mod lists;
mod measures;
mod potential;
mod prices;
mod refusals;
mod registry;
mod runs;
mod streams;
mod subjects;
mod telling;
mod templates;
mod world;
