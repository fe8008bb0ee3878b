//! The gRPC surface.

mod answers;
pub mod convert;
pub mod insight;
pub mod service;
