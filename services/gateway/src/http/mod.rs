//! REST and JSON over HTTP.

mod call;
mod gateway;
mod head;
mod inlet;
mod lines;
mod problem;
mod server;
mod streams;
mod visit;

pub use gateway::{Gateway, Limits, answer};
pub use head::{NDJSON, REQUEST_TIMEOUT};
pub use problem::{PROBLEM_JSON, Problem, http_status};
pub use server::serve;
pub use visit::Instruments;
