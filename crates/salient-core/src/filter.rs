//! Filters of list calls: a subset of AIP-160.
//!
//! ```text
//! filter     = [ sequence ]
//! sequence   = factor { "AND" factor }
//! factor     = term { "OR" term }
//! term       = [ "NOT" | "-" ] ( comparison | "(" sequence ")" )
//! comparison = field op value
//! op         = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
//! value      = a "quoted" or 'quoted' text (with \ before a quote or a \) | bare
//! ```
//! As AIP-160 has it, OR binds tighter than AND: `a AND b OR c` is `a AND (b OR c)`. A bare value
//! ends at a space. `:` means "contains", without regard to case, and is for
//! text. What a list can filter by is declared as a table of [`Field`]s; an error says at
//! which character it is and what would be accepted there.

mod parse;

use chrono::{DateTime, Utc};

pub use parse::parse;

/// What kind of value a field holds, and so which comparisons make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text; `=`, `!=` and `:`.
    Text,
    /// An RFC 3339 time, or a date that stands for its midnight in UTC; all but `:`.
    Time,
    /// `true` or `false`; `=` and `!=`.
    Bool,
    /// A whole number; all but `:`.
    Int,
    /// One of these names; `=` and `!=`.
    Enum(&'static [&'static str]),
    /// A resource name of this collection (`accounts`); `=` and `!=`.
    Name(&'static str),
}

/// A field that a list can be filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// As the caller writes it.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
}

impl Field {
    /// A field of this kind.
    #[must_use]
    pub const fn new(name: &'static str, kind: FieldKind) -> Self {
        Self { name, kind }
    }

    /// A text field.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, FieldKind::Text)
    }

    /// A time field.
    #[must_use]
    pub const fn time(name: &'static str) -> Self {
        Self::new(name, FieldKind::Time)
    }

    /// A field that holds a resource name of `collection`.
    #[must_use]
    pub const fn name(name: &'static str, collection: &'static str) -> Self {
        Self::new(name, FieldKind::Name(collection))
    }

    /// A field that holds one of `values`.
    #[must_use]
    pub const fn one_of(name: &'static str, values: &'static [&'static str]) -> Self {
        Self::new(name, FieldKind::Enum(values))
    }
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `:`, contains
    Has,
}

impl Op {
    /// As it is written in a filter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Op::Eq => "=",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
            Op::Has => ":",
        }
    }
}

/// What a field is compared with, typed by the field's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// Of [`FieldKind::Text`].
    Text(String),
    /// Of [`FieldKind::Time`], cut to microseconds.
    Time(DateTime<Utc>),
    /// Of [`FieldKind::Bool`].
    Bool(bool),
    /// Of [`FieldKind::Int`].
    Int(i64),
    /// Of [`FieldKind::Enum`]: the declared value.
    Enum(&'static str),
    /// Of [`FieldKind::Name`]: the whole resource name.
    Name(String),
}

impl Literal {
    /// The id in a resource name: what stands after the collection.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Literal::Name(name) => name.split_once('/').map(|(_, id)| id),
            _ => None,
        }
    }
}

/// A part of a filter; a filter is the conjunction of its terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// The comparison holds.
    Is(Comparison),
    /// The term does not hold.
    Not(Box<Term>),
    /// One of the terms holds.
    Any(Vec<Term>),
    /// All of the terms hold.
    All(Vec<Term>),
}

impl Term {
    /// The same term with each comparison replaced by what `change` makes of it.
    #[must_use]
    pub fn map(self, change: &impl Fn(Comparison) -> Term) -> Term {
        let each = |terms: Vec<Term>| terms.into_iter().map(|term| term.map(change)).collect();
        match self {
            Term::Is(comparison) => change(comparison),
            Term::Not(term) => Term::Not(Box::new(term.map(change))),
            Term::Any(terms) => Term::Any(each(terms)),
            Term::All(terms) => Term::All(each(terms)),
        }
    }

    /// Every comparison in it.
    #[must_use]
    pub fn comparisons(&self) -> Vec<&Comparison> {
        match self {
            Term::Is(comparison) => vec![comparison],
            Term::Not(term) => term.comparisons(),
            Term::Any(terms) | Term::All(terms) => terms.iter().flat_map(Term::comparisons).collect(),
        }
    }
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The declared name of the field.
    pub field: &'static str,
    /// How.
    pub op: Op,
    /// With what.
    pub value: Literal,
}
