//! The service's gRPC face: [`service`] and [`privacy`] parse, make one call, convert; [`convert`] knows how
//! the messages of the contract look.

pub mod convert;
pub mod privacy;
pub mod service;
