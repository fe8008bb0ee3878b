//! The service's gRPC face: a module for each service of the contract parses, makes one call,
//! converts; [`convert`] knows how the messages of the contract look.

pub mod convert;
pub mod customer;
pub mod hierarchy;
pub mod identity;
pub mod journeys;
pub mod privacy;
pub mod search;
pub mod segments;
pub mod service;
pub mod telemetry;
pub mod transfers;
