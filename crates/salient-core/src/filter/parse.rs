//! Reading filters.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::{Comparison, Field, FieldKind, Literal, Op, Term};
use crate::{
    clock::micros,
    error::{Error, Reason, Result},
};

/// How deep parentheses may be nested.
const DEPTH: usize = 16;

/// Reads a filter over `fields`. An empty filter has no terms.
///
/// # Errors
/// [`Reason::FilterInvalid`], with the character at which it is and what is accepted there.
pub fn parse(filter: &str, fields: &[Field]) -> Result<Vec<Term>> {
    let mut reader = Reader { text: filter, at: 0 };
    // no text column of Postgres takes one, and so none can be looked for
    if let Some(at) = filter.find('\0') {
        return Err(reader.error(at, "text without the character U+0000 is accepted"));
    }
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
