//! Conditions and numbers over one subject, in CEL (the Common Expression Language).
//!
//! ```
//! use salient_condition::{Columns, Condition, Number, Type, Value};
//!
//! let columns = Columns::new([("orders".to_owned(), Type::Int), ("country".to_owned(), Type::Text)]);
//! let condition = Condition::compile("orders > 3 && country == 'France'", &columns).unwrap();
//! let number = Number::compile("orders > 3 ? 0.5 : -0.5", &columns).unwrap();
//! let row = columns.row(|column| (column == 0).then_some(Value::Int(2)));
//! assert_eq!(condition.holds(&row), Ok(false)); // although its country is missing
//! assert_eq!(number.value(&row), Ok(-0.5));
//!
//! let wrong = Condition::compile("ordrs > 3", &columns).unwrap_err();
//! assert_eq!(wrong[0].to_string(), "at 1:1: `ordrs` is not known; did you mean `orders`?");
//! ```
//!
//! A text is read (`lexer`, `parser`), checked against what it may speak of (`check`, `calls`) and
//! becomes a tree of typed nodes (`node`) that is walked for each subject (`eval`). What it may
//! speak of is a [`Vocabulary`], asked while the text is checked; a [`Subject`] answers each name
//! while the tree is walked. Checking finds unknown names, operands of wrong types and results that
//! are not what is asked for, each with its place; what passes can fail on a subject only by what
//! CEL itself fails by: something that is missing, a division by zero, a number that is too large.
//!
//! The language is CEL's, with its precedence, its short circuits (`false && error` is false) and
//! its macros. It is read here and not by a library because a refusal must name the place, the
//! types are known beforehand, and a service asks each condition a million times. Left out is what
//! nobody here has a use for: unsigned numbers, bytes, null, timestamps, maps and messages written
//! out. An int and a double may be compared, as the language's definition has it since numbers of
//! all kinds lie on one line.
//!
//! # How long a condition may run
//! A text has at most 300 parts. Before it is taken, its cost is estimated for lists of a hundred
//! elements; one that would take more than [`COST`] steps is refused. On a subject with far longer
//! lists it fails after [`STEPS`] steps, like on something that is missing.
//!
//! # How to add something to speak of
//! That is a matter of the vocabulary. Names that are known only at run time are [`Columns`]; names
//! with fields, functions or a map of texts are a [`Vocabulary`] and a [`Subject`] of one's own.
//!
//! # How to add something to the language
//! An operator: `SIGNS` in `lexer`, `LEVELS` in `parser`, `binary` in `check`. A function of the
//! language: an arm of `call` in `calls`. Either: a node with its cost in `node`, an arm of `value`
//! in `eval`, and a line of [`language`].

mod calls;
mod check;
mod columns;
mod eval;
mod lexer;
mod node;
mod parser;
mod spelling;
#[cfg(test)]
mod tests;
mod value;
mod vocabulary;

use std::fmt;

pub use columns::{Columns, Row};
pub use spelling::{is_slip, nearest};
pub use value::{Failure, Type, Value};
pub use vocabulary::{Argument, Function, Given, Resolved, Subject, Vocabulary, Words, Written, language};

use check::{Checked, Checker};

/// Steps that a text may be estimated to take.
pub const COST: u64 = 10_000;
/// Steps after which it fails.
pub const STEPS: u64 = 50_000;

/// What is wrong with a text, and where.
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

/// What is wrong with a text, as people count: lines and characters from 1.
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

/// A condition that was understood; `N` is what its names became.
#[derive(Clone, Debug)]
pub struct Condition<N>(Checked<N>);

impl<N> Condition<N> {
    /// Reads a condition and checks it against what it may speak of.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile<V: Vocabulary<Name = N>>(text: &str, vocabulary: &V) -> Result<Self, Vec<Wrong>> {
        let checked = parse(text).and_then(|expr| Checker::new(vocabulary).condition(&expr));
        checked.map(Self).map_err(|faults| places(text, faults))
    }

    /// The names that it speaks of, as often as it does.
    pub fn names(&self) -> &[N] {
        &self.0.names
    }

    /// Whether it holds for a subject.
    ///
    /// # Errors
    /// What CEL fails by, or more steps than [`STEPS`].
    pub fn holds<S: Subject<N>>(&self, subject: &S) -> Result<bool, Failure> {
        eval::holds(&self.0.node, subject)
    }
}

/// An expression that was understood and is a number; `N` is what its names became.
#[derive(Clone, Debug)]
pub struct Number<N>(Checked<N>);

impl<N> Number<N> {
    /// Reads an expression whose result is an int or a double, and checks it against what it may
    /// speak of.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile<V: Vocabulary<Name = N>>(text: &str, vocabulary: &V) -> Result<Self, Vec<Wrong>> {
        let checked = parse(text).and_then(|expr| Checker::new(vocabulary).number(&expr));
        checked.map(Self).map_err(|faults| places(text, faults))
    }

    /// The names that it speaks of, as often as it does.
    pub fn names(&self) -> &[N] {
        &self.0.names
    }

    /// What it is for a subject. Doubles divide as IEEE 754 has it, so that it may be infinite or
    /// not a number.
    ///
    /// # Errors
    /// What CEL fails by, or more steps than [`STEPS`].
    pub fn value<S: Subject<N>>(&self, subject: &S) -> Result<f64, Failure> {
        eval::number(&self.0.node, subject)
    }
}

fn parse(text: &str) -> Result<parser::Expr, Vec<Fault>> {
    parser::parse(text).map_err(|fault| vec![fault])
}

fn places(text: &str, faults: Vec<Fault>) -> Vec<Wrong> {
    faults.into_iter().map(|fault| place(text, fault)).collect()
}

fn place(text: &str, Fault { at, message }: Fault) -> Wrong {
    let before = &text[..at.min(text.len())];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let number = |count: usize| i32::try_from(count + 1).unwrap_or(i32::MAX);
    Wrong { line: number(line), column: number(column), message }
}
