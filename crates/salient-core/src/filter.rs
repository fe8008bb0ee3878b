//! Filters of list calls: a subset of AIP-160.
//!
//! ```text
//! filter     = [ comparison { "AND" comparison } ]
//! comparison = field op value
//! op         = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
//! value      = a "quoted" or 'quoted' text (with \ before a quote or a \) | bare
//! ```
//! A bare value ends at a space. `:` means "contains", without regard to case, and is for
//! text. What a list can filter by is declared as a table of [`Field`]s; an error says at
//! which character it is and what would be accepted there.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::{
    clock::micros,
    error::{Error, Reason, Result},
};

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

/// One comparison; a filter is the conjunction of its comparisons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The declared name of the field.
    pub field: &'static str,
    /// How.
    pub op: Op,
    /// With what.
    pub value: Literal,
}

/// Reads a filter over `fields`. An empty filter has no comparisons.
pub fn parse(filter: &str, fields: &[Field]) -> Result<Vec<Comparison>> {
    let mut reader = Reader { text: filter, at: 0 };
    let mut comparisons = Vec::new();
    reader.skip_space();
    if reader.rest().is_empty() {
        return Ok(comparisons);
    }
    loop {
        comparisons.push(comparison(&mut reader, fields)?);
        let spaced = reader.skip_space();
        if reader.rest().is_empty() {
            return Ok(comparisons);
        }
        let at = reader.at;
        let word = reader.word();
        if !spaced || word != "AND" {
            return Err(reader.error(at, "AND or the end is accepted here (not OR, NOT or parentheses)"));
        }
        reader.skip_space();
    }
}

fn comparison(reader: &mut Reader<'_>, fields: &[Field]) -> Result<Comparison> {
    let at = reader.at;
    let name = reader.word();
    let Some(field) = fields.iter().find(|field| field.name == name) else {
        let names: Vec<_> = fields.iter().map(|field| field.name).collect();
        return Err(reader.error(at, &format!("one of the fields {} is accepted here", names.join(", "))));
    };
    reader.skip_space();
    let at = reader.at;
    let op = reader.op();
    let ops = field.kind.ops();
    let Some(op) = op.filter(|op| ops.contains(op)) else {
        let ops: Vec<_> = ops.iter().map(|op| op.as_str()).collect();
        return Err(reader.error(at, &format!("one of {} is accepted after {}", ops.join(" "), field.name)));
    };
    reader.skip_space();
    let at = reader.at;
    let text = reader.value()?;
    let value = field.kind.literal(text).ok_or_else(|| {
        reader.error(at, &format!("{} is accepted for {}", field.kind.accepts(), field.name))
    })?;
    Ok(Comparison { field: field.name, op, value })
}

impl FieldKind {
    fn ops(self) -> &'static [Op] {
        match self {
            FieldKind::Text => &[Op::Eq, Op::Ne, Op::Has],
            FieldKind::Time | FieldKind::Int => &[Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge],
            FieldKind::Bool | FieldKind::Enum(_) | FieldKind::Name(_) => &[Op::Eq, Op::Ne],
        }
    }

    fn literal(self, text: String) -> Option<Literal> {
        match self {
            FieldKind::Text => Some(Literal::Text(text)),
            FieldKind::Time => time(&text).map(Literal::Time),
            FieldKind::Bool => text.parse().ok().map(Literal::Bool),
            FieldKind::Int => text.parse().ok().map(Literal::Int),
            FieldKind::Enum(values) => {
                values.iter().find(|value| **value == text).map(|value| Literal::Enum(value))
            }
            FieldKind::Name(collection) => {
                let id = text.strip_prefix(collection)?.strip_prefix('/')?;
                (!id.is_empty() && !id.contains('/')).then_some(Literal::Name(text))
            }
        }
    }

    fn accepts(self) -> String {
        match self {
            FieldKind::Text => "a text".into(),
            FieldKind::Time => "a time like \"2011-06-01T00:00:00Z\" or a date like \"2011-06-01\"".into(),
            FieldKind::Bool => "true or false".into(),
            FieldKind::Int => "a whole number".into(),
            FieldKind::Enum(values) => format!("one of {}", values.join(", ")),
            FieldKind::Name(collection) => format!("a name like \"{collection}/{{id}}\""),
        }
    }
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(micros(time.to_utc()));
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_time(NaiveTime::MIN).and_utc())
}

struct Reader<'t> {
    text: &'t str,
    /// In bytes.
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Takes what stands before the first character that is not wanted.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_space(&mut self) -> bool {
        !self.take(char::is_whitespace).is_empty()
    }

    fn word(&mut self) -> &'t str {
        self.take(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
    }

    fn op(&mut self) -> Option<Op> {
        // The longer ones first: `<=` is not `<` and then `=`.
        let op = [Op::Ne, Op::Le, Op::Ge, Op::Eq, Op::Lt, Op::Gt, Op::Has]
            .into_iter()
            .find(|op| self.rest().starts_with(op.as_str()))?;
        self.at += op.as_str().len();
        Some(op)
    }

    fn value(&mut self) -> Result<String> {
        let start = self.at;
        let Some(quote @ ('"' | '\'')) = self.rest().chars().next() else {
            let bare = self.take(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '(' | ')'));
            if bare.is_empty() {
                return Err(self.error(start, "a value is accepted here"));
            }
            return Ok(bare.to_owned());
        };
        let mut value = String::new();
        let mut escaped = false;
        for (i, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => {
                    if !matches!(c, '"' | '\'' | '\\') {
                        return Err(self.error(start + i, "a quote or a \\ is accepted after \\"));
                    }
                    value.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                c if c == quote => {
                    self.at += i + 1;
                    return Ok(value);
                }
                c => value.push(c),
            }
        }
        Err(self.error(start, "the quote is not closed"))
    }

    fn error(&self, at: usize, what: &str) -> Error {
        let position = self.text[..at].chars().count() + 1;
        let description = format!("character {position}: {what}");
        Error::new(Reason::FilterInvalid, format!("filter, {description}"))
            .with_violation("filter", description)
    }
}
