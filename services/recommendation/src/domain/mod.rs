//! What a recommendation is and how a day's list comes about. Pure: no SQL, no gRPC, no async.
//!
//! [`draft`] is a candidate with everything a seller would read; [`slate`] picks the day's list
//! from drafts; [`recommendation`] freezes what was picked; [`suppression`] keeps off what a
//! reaction closed; [`approach`] says whom a seller may speak to, and how; [`evidence`] puts facts into words.

pub mod approach;
pub mod draft;
pub mod evidence;
pub mod plan;
pub mod recommendation;
pub mod schedule;
pub mod slate;
pub mod suppression;

pub use draft::{Contact, Draft, Play};
pub use evidence::{Evidence, Factor};
pub use plan::Plan;
pub use recommendation::{Recommendation, State};
pub use suppression::{Scope, Suppression};
