//! What the service knows about records: pure, without a database, a network or a runtime.
//!
//! The records are the resource messages of the contract themselves: they are stored, published
//! and answered in the contract's own encoding, so that an order with its lines is encoded once
//! on its way through. What this room adds is what the contract's annotations cannot say:
//! - [`record`]: what all kinds have in common, and which fields may be read and changed;
//! - one file per kind: its own rules and defaults;
//! - [`batch`]: what a batch does to the records that exist;
//! - [`unify`]: one profile out of several records;
//! - [`hierarchy`]: which account may stand above which, [`group`]: what a tree of them adds up to;
//! - [`usage`]: readings added up by day; [`change`]: what changed at an opportunity;
//! - [`search`]: what a record is found by, and how well it fits;
//! - [`likeness`]: records as identity resolution sees them;
//! - [`consent`]: what people agreed to, and which of it holds;
//! - [`person`]: what is left of somebody who is erased, and what is taken out of records;
//! - [`timeline`]: what of a record is known at a given time;
//! - [`facts`]: what the records of an account add up to, and [`condition`], which asks for it;
//! - [`trends`]: the same by month; [`completeness`]: how much is known, and what to ask next;
//! - [`transfer`]: what is kept of lines of a file that were refused;
//! - [`journey`]: the stage that follows from it; [`membership`]: who enters and leaves what.

mod account;
pub mod batch;
pub mod change;
pub mod completeness;
pub mod condition;
pub mod consent;
mod contact;
pub mod facts;
pub mod group;
pub mod hierarchy;
mod interaction;
pub mod journey;
mod kind;
pub mod likeness;
pub mod membership;
mod opportunity;
pub mod order;
pub mod person;
pub mod record;
mod refusal;
pub mod search;
pub mod timeline;
pub mod transfer;
pub mod trends;
pub mod unify;
mod update;
pub mod usage;

pub use kind::Kind;
pub use record::Record;
pub use refusal::{Faults, Refusal};
pub use update::UpdateMask;
