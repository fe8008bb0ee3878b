//! Conditions over one account, in CEL (the Common Expression Language).
//!
//! The language, and how long a condition may run, is [`salient_condition`]. Here is what it may
//! speak of ([`names`]), how it is resolved while a condition is checked ([`vocabulary`]) and
//! answered from the facts of an account ([`answers`]).
//!
//! # How to add something to speak of
//! A fact: count it in `domain::facts`, and add a line to `FUNCTIONS` in `names.rs` and an arm to
//! `value` in `answers.rs`. A field of the account: a line in `FIELDS` and an arm in `value`.

mod answers;
mod names;
#[cfg(test)]
mod tests;
mod vocabulary;

use salient_condition::{Failure, Wrong};

pub use answers::Subject;
pub use names::documentation;

use names::{Fact, Name};
use vocabulary::Names;

/// Whether a condition may speak of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It decides who is in a segment.
    Segment,
    /// It decides the stage itself.
    Stage,
}

/// A condition that was understood.
#[derive(Clone, Debug)]
pub struct Condition(salient_condition::Condition<Name>);

impl Condition {
    /// Reads and checks a condition.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(text: &str, scope: Scope) -> Result<Self, Vec<Wrong>> {
        salient_condition::Condition::compile(text, &Names(scope)).map(Self)
    }

    /// Whether its answer changes with the day alone.
    pub fn is_timed(&self) -> bool {
        self.0.names().iter().any(|name| name.timed)
    }

    /// Whether it speaks of the stage of the account's journey.
    pub fn is_staged(&self) -> bool {
        self.0.names().iter().any(|name| name.fact == Fact::Stage)
    }

    /// Whether it holds for an account.
    ///
    /// # Errors
    /// What CEL fails by, or that it ran too long.
    pub fn holds(&self, subject: Subject<'_>) -> Result<bool, Failure> {
        self.0.holds(&subject)
    }
}

/// How it is told that a condition has no answer for an account.
pub fn told(failure: &Failure) -> String {
    match failure {
        Failure::Missing(name) => format!("the account has no attribute {name:?}"),
        failure => failure.to_string(),
    }
}
