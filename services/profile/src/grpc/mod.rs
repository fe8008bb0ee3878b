//! The service's gRPC face: [`service`] parses, makes one call, converts; [`convert`] knows how
//! the messages of the contract look.

pub mod convert;
pub mod identity;
pub mod service;
