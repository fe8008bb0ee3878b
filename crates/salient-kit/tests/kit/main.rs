//! The kit as a service sees it: a real server on a loopback port, called by a real client. One
//! binary, because linking it costs more than running it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should end")]

mod common;
mod process;
mod reflection;
mod refusals;
mod telemetry;
mod time;
