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

/// How deep parentheses may be nested.
const DEPTH: usize = 16;

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

/// Reads a filter over `fields`. An empty filter has no terms.
pub fn parse(filter: &str, fields: &[Field]) -> Result<Vec<Term>> {
    let mut reader = Reader { text: filter, at: 0 };
    reader.skip_space();
    if reader.rest().is_empty() {
        return Ok(Vec::new());
    }
    let terms = sequence(&mut reader, fields, 0)?;
    if reader.rest().is_empty() { Ok(terms) } else { Err(reader.error(reader.at, MORE)) }
}

const MORE: &str = "AND, OR or the end is accepted here";

/// Up to the end or a closing parenthesis.
fn sequence(reader: &mut Reader<'_>, fields: &[Field], depth: usize) -> Result<Vec<Term>> {
    let mut terms = Vec::new();
    loop {
        terms.push(factor(reader, fields, depth)?);
        let spaced = reader.skip_space();
        if reader.rest().is_empty() || reader.rest().starts_with(')') {
            return Ok(terms);
        }
        let at = reader.at;
        if reader.word() != "AND" || !spaced {
            return Err(reader.error(at, MORE));
        }
        reader.skip_space();
    }
}

fn factor(reader: &mut Reader<'_>, fields: &[Field], depth: usize) -> Result<Term> {
    let mut terms = vec![term(reader, fields, depth)?];
    loop {
        let before = reader.at;
        if !(reader.skip_space() && reader.word() == "OR") {
            reader.at = before;
            return Ok(folded(terms, Term::Any));
        }
        reader.skip_space();
        terms.push(term(reader, fields, depth)?);
    }
}

fn term(reader: &mut Reader<'_>, fields: &[Field], depth: usize) -> Result<Term> {
    let before = reader.at;
    let not = !reader.take_one('-').is_empty() || reader.word() == "NOT";
    if !not {
        reader.at = before;
    }
    reader.skip_space();
    let at = reader.at;
    let inner = if reader.take_one('(').is_empty() {
        Term::Is(comparison(reader, fields)?)
    } else if depth == DEPTH {
        return Err(reader.error(at, "parentheses are nested too deep"));
    } else {
        reader.skip_space();
        let terms = sequence(reader, fields, depth + 1)?;
        if reader.take_one(')').is_empty() {
            return Err(reader.error(reader.at, "AND, OR or ) is accepted here"));
        }
        folded(terms, Term::All)
    };
    Ok(if not { Term::Not(Box::new(inner)) } else { inner })
}

/// One term stands for itself.
fn folded(mut terms: Vec<Term>, more: impl Fn(Vec<Term>) -> Term) -> Term {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        last => {
            terms.extend(last);
            more(terms)
        }
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

    /// Takes this character, if it is the next one.
    fn take_one(&mut self, wanted: char) -> &'t str {
        let rest = self.rest();
        let length = if rest.starts_with(wanted) { wanted.len_utf8() } else { 0 };
        self.at += length;
        &rest[..length]
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
