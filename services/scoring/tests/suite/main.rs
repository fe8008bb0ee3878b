//! The service over real gRPC, on both engines, with events on an in-process bus.

mod access;
mod history;
mod lists;
mod refusals;
mod runs;
mod world;
