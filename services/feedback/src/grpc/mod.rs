//! The gRPC surface.

pub mod convert;
pub mod service;
