//! The service's gRPC face: [`service`], [`segments`], [`journeys`] and [`transfers`] parse, make one call,
//! convert; [`convert`] knows how the messages of the contract look.

pub mod convert;
pub mod identity;
pub mod journeys;
pub mod segments;
pub mod service;
pub mod transfers;
