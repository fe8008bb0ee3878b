//! Conditions over one account, in CEL (the Common Expression Language).
//!
//! A condition is read ([`parser`]), checked against what it may speak of ([`names`], [`check`])
//! and becomes a tree of typed nodes that is walked for each account ([`eval`]). Checking finds
//! unknown names, operands of wrong types and results that are no truth value, each with its
//! place; what passes can fail on an account only by what CEL itself fails by: an attribute that
//! is missing, a division by zero, a number that is too large.
//!
//! The language is CEL's, with its precedence, its short circuits (`false && error` is false) and
//! its macros. It is read here and not by a library because a refusal must name the place, the
//! types are known beforehand, and a full evaluation asks each condition a million times. Left out
//! is what facts have no use for: unsigned numbers, bytes, null, timestamps, maps and messages
//! written out. An int and a double may be compared, as the language's definition has it since
//! numbers of all kinds lie on one line.
//!
//! # How long a condition may run
//! A condition has at most 300 parts. Before it is taken, its cost is estimated for an account
//! with a hundred products; one that would take more than [`COST`] steps is refused. On an account
//! with far more it fails after [`STEPS`] steps, like on a missing attribute.
//!
//! # How to add something to speak of
//! A fact: count it in `domain::facts`, and add a line to `FUNCTIONS` in `names.rs` and an arm to
//! `fact` in `eval.rs`. A field of the account: a line in `FIELDS` and an arm in `variable`.

mod calls;
mod check;
mod eval;
mod lexer;
mod names;
mod node;
mod parser;
#[cfg(test)]
mod tests;

use std::fmt;

pub use eval::{Failure, Subject};
pub use names::documentation;

/// Steps that a condition may be estimated to take.
pub const COST: u64 = 10_000;
/// Steps after which it fails.
pub const STEPS: u64 = 50_000;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// A text.
    Text,
    /// A list of truth values.
    Bools,
    /// A list of whole numbers.
    Ints,
    /// A list of numbers.
    Doubles,
    /// A list of texts.
    Texts,
    /// A list of nothing, which is a list of anything.
    Nothing,
    /// Texts by name.
    Map,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bools => "list(bool)",
            Self::Ints => "list(int)",
            Self::Doubles => "list(double)",
            Self::Texts => "list(string)",
            Self::Nothing => "list",
            Self::Map => "map(string, string)",
        })
    }
}

/// What is wrong with a condition, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    at: usize,
    message: String,
}

impl Fault {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// What is wrong with a condition, as people count: lines and characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line.
    pub line: i32,
    /// The character in it.
    pub column: i32,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}:{}: {}", self.line, self.column, self.message)
    }
}

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
pub struct Condition {
    node: node::Node,
    timed: bool,
    staged: bool,
}

impl Condition {
    /// Reads and checks a condition.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(text: &str, scope: Scope) -> Result<Self, Vec<Wrong>> {
        let faults = match parser::parse(text) {
            Ok(expr) => match check::check(&expr, scope) {
                Ok(checked) => return Ok(checked),
                Err(faults) => faults,
            },
            Err(fault) => vec![fault],
        };
        Err(faults.into_iter().map(|fault| place(text, fault)).collect())
    }

    /// Whether its answer changes with the day alone.
    pub fn is_timed(&self) -> bool {
        self.timed
    }

    /// Whether it speaks of the stage of the account's journey.
    pub fn is_staged(&self) -> bool {
        self.staged
    }

    /// Whether it holds for an account.
    ///
    /// # Errors
    /// What CEL fails by, or more steps than [`STEPS`].
    pub fn holds(&self, subject: Subject<'_>) -> Result<bool, Failure> {
        eval::holds(&self.node, subject)
    }
}

fn place(text: &str, Fault { at, message }: Fault) -> Wrong {
    let before = &text[..at.min(text.len())];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let number = |count: usize| i32::try_from(count + 1).unwrap_or(i32::MAX);
    Wrong { line: number(line), column: number(column), message }
}
