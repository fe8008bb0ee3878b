//! From an HTTP request to the message of an RPC, and back.

mod codec;
pub mod json;
mod params;
mod request;

pub use codec::DynamicCodec;
pub use params::is_leaf;
pub use request::{Input, read};

use crate::contract::field_at;

/// A field that cannot be read, and what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// Path of the field; empty when it is the request as a whole.
    pub field: String,
    /// What would be accepted.
    pub description: String,
}

impl Violation {
    fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}
