//! Values, their types, and why there may be none.

use std::{borrow::Cow, fmt};

use crate::{STEPS, node::Comparison};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
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

impl Type {
    /// A list of this type, if there is one.
    pub(crate) fn list(self) -> Option<Self> {
        match self {
            Self::Bool => Some(Self::Bools),
            Self::Int => Some(Self::Ints),
            Self::Double => Some(Self::Doubles),
            Self::Text => Some(Self::Texts),
            _ => None,
        }
    }

    /// What it is a list of, if it is one.
    pub(crate) fn element(self) -> Option<Self> {
        match self {
            Self::Bools => Some(Self::Bool),
            Self::Ints => Some(Self::Int),
            Self::Doubles => Some(Self::Double),
            Self::Texts => Some(Self::Text),
            _ => None,
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }
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

/// A value; texts are borrowed where they can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'v> {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// A text.
    Text(Cow<'v, str>),
    /// A list; all its elements are of one type.
    List(Vec<Value<'v>>),
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

/// Why there is no answer for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The subject has no such variable, or its map no such entry.
    Missing(String),
    /// A list has no such element.
    NoElement(i64),
    /// A division by zero.
    ByZero,
    /// A whole number beyond 64 bits.
    Overflow,
    /// A text that is no number.
    NoNumber(String),
    /// It ran too long.
    TooLong,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "{name:?} is missing"),
            Self::NoElement(index) => write!(f, "the list has no element {index}"),
            Self::ByZero => f.write_str("division by zero"),
            Self::Overflow => f.write_str("a number that is too large"),
            Self::NoNumber(text) => write!(f, "{text:?} is no number"),
            Self::TooLong => write!(f, "more than {STEPS} steps"),
        }
    }
}

/// An int and a double are compared as numbers; nothing is less, equal or greater than what is
/// not a number.
pub(crate) fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    use std::cmp::Ordering;
    let order = match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
        (Value::Double(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::List(a), Value::List(b)) => {
            let equal = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| compare(Comparison::Eq, a, b));
            equal.then_some(Ordering::Equal)
        }
        _ => None,
    };
    match comparison {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

pub(crate) fn convert(into: Type, value: Value<'_>) -> Result<Value<'_>, Failure> {
    let whole = |number: f64| {
        // 2^63, the first double beyond what an int holds
        let fits = number > -9_223_372_036_854_775_808.0 && number < 9_223_372_036_854_775_808.0;
        if fits { Ok(Value::Int(number as i64)) } else { Err(Failure::Overflow) }
    };
    Ok(match (into, value) {
        (Type::Int, Value::Double(number)) => whole(number)?,
        (Type::Int, Value::Text(text)) => {
            Value::Int(text.parse().map_err(|_| Failure::NoNumber(text.into_owned()))?)
        }
        (Type::Double, Value::Int(number)) => Value::Double(number as f64),
        (Type::Double, Value::Text(text)) => {
            Value::Double(text.parse().map_err(|_| Failure::NoNumber(text.into_owned()))?)
        }
        (Type::Text, Value::Int(number)) => Value::Text(number.to_string().into()),
        (Type::Text, Value::Double(number)) => Value::Text(number.to_string().into()),
        (Type::Text, Value::Bool(value)) => Value::Text(value.to_string().into()),
        (_, value) => value,
    })
}
