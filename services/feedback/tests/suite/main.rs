//! The service over real gRPC, on both engines, with events on an in-process bus.

mod access;
mod exposures;
mod funnel;
mod outcomes;
mod reactions;
mod refusals;
mod world;
