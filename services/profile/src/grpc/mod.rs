//! The service's gRPC face: [`service`], [`segments`] and [`journeys`] parse, make one call,
//! convert; [`convert`] knows how the messages of the contract look.

pub mod convert;
pub mod identity;
pub mod journeys;
pub mod search;
pub mod segments;
pub mod service;
pub mod telemetry;
