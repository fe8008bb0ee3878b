//! See the crate description.
#![expect(dead_code, missing_docs)]
pub mod contract;
pub mod transcode;
