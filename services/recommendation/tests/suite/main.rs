//! The service over real gRPC, on both engines, with events on an in-process bus.

mod access;
mod catalogue;
mod company;
mod days;
mod explain;
mod lists;
mod plans;
mod quality;
mod reactions;
mod runs;
mod world;
