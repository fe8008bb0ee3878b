//! The gRPC surface.

mod answers;
pub mod convert;
pub mod declaration;
mod funnel;
pub mod insight;
pub mod series;
pub mod service;
mod times;
