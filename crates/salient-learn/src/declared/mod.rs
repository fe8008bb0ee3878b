//! Models that a tenant declares: of whom it is asked, what is to come true, by when.
//!
//! A [`Question`] is two conditions in CEL over features ([`crate::features`]): the population, over the
//! features at the moment of asking, and the target, over the features at the end of the horizon with
//! windows as long as the horizon, so that `orders_90d > 0` with a horizon of 90 days means: ordered
//! within it. Nothing else can be said of the future, because nothing else has a name. What is known of
//! subjects arrives by name ([`Raw`]); a [`Survey`] of it makes the [`Schema`](crate::features::Schema)
//! that a question is read against ([`Reading`]), and [`Examples`] are gathered in one pass over the
//! subjects, one of them in memory at a time. Who answers is what was learned, rules that people wrote, or a
//! model that was trained elsewhere ([`Learner`]).
//!
//! ```text
//! Raw ─► Survey ─► Schema ┐
//!                Question ┴─► Reading ─► Examples ─► DeclaredModel: one for all, one for a segment
//!                                                     where that is better on a later time slice
//! ```

mod examples;
mod learner;
mod model;
mod question;
mod raw;
mod surroundings;
#[cfg(test)]
mod tests;

pub use examples::{Examples, Gathered};
pub use learner::{Brought, Learner, Rule};
pub use model::{DeclaredModel, Scored};
pub use question::{Question, Reading, Wrong};
pub use raw::{Raw, RawAttribute, RawEvent, Reader, Survey};
pub use surroundings::{Measure, Surroundings};
