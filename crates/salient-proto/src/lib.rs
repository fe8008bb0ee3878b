//! Generated messages, clients, servers and descriptors of Salient's contracts.
//!
//! The contracts live in `proto/`; the build script compiles them without an installed `protoc`.
//! To add an RPC: write it in `proto/salient/<service>/v1/*_service.proto` with its comment, its
//! `google.api.http` annotation and the roles that may call it, then implement the new method of
//! the server trait. The gateway and its OpenAPI page know it by themselves.

mod descriptors;
mod json;
pub mod rules;
mod validate;

pub use descriptors::{FILE_DESCRIPTOR_SET, Method, method, method_roles, pool};
pub use json::to_json;
pub use validate::{Path, Validate, Violation};

macro_rules! package {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        pub mod $name {
            /// Version 1.
            #[allow(clippy::all, clippy::allow_attributes, reason = "generated")]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/salient.", stringify!($name), ".v1.rs"));
            }
        }
    )*};
}

package! {
    /// Values, errors, roles and event administration shared by all services.
    common
    /// Customer data.
    profile
    /// Models and scores.
    scoring
    /// Catalogue, sellers, plans.
    recommendation
    /// Reactions and outcomes.
    feedback
}

mod generated_validation {
    include!(concat!(env!("OUT_DIR"), "/validate.rs"));
}
