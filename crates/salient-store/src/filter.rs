//! A list filter as a condition of a statement.

use std::fmt::Write as _;

use salient_core::filter::{Comparison, Literal, Op, Term};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    value::Value,
};

/// Where a field of a filter is stored, and how its literal looks there.
#[derive(Clone, Copy, Debug)]
pub struct FilterColumn {
    field: &'static str,
    sql: &'static str,
    value: fn(&Literal) -> Value,
}

impl FilterColumn {
    /// A column that stores the literal as it is: text and enum names as text, times as
    /// microseconds, resource names as the bare text id.
    #[must_use]
    pub const fn plain(field: &'static str, sql: &'static str) -> Self {
        Self { field, sql, value: plain }
    }

    /// A `uuid` column behind a field that holds a resource name. A name that is no UUID
    /// matches nothing.
    #[must_use]
    pub const fn id(field: &'static str, sql: &'static str) -> Self {
        Self { field, sql, value: id }
    }

    /// A column that stores something else, for example an enum by its number.
    #[must_use]
    pub const fn mapped(field: &'static str, sql: &'static str, value: fn(&Literal) -> Value) -> Self {
        Self { field, sql, value }
    }
}

fn plain(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) => text.into(),
        Literal::Time(time) => (*time).into(),
        Literal::Bool(is) => (*is).into(),
        Literal::Int(number) => (*number).into(),
        Literal::Enum(name) => (*name).into(),
        Literal::Name(_) => literal.id().into(),
    }
}

fn id(literal: &Literal) -> Value {
    Value::Uuid(literal.id().and_then(|id| Uuid::try_parse(id).ok()))
}

/// The conjunction of `terms` with placeholders from `first`, and what they hold.
pub(crate) fn render(terms: &[Term], columns: &[FilterColumn], first: usize) -> Result<(String, Vec<Value>)> {
    let mut condition = Condition { text: String::from("(true"), values: Vec::new(), columns, first };
    for term in terms {
        condition.text.push_str(" and ");
        condition.term(term)?;
    }
    condition.text.push(')');
    Ok((condition.text, condition.values))
}

struct Condition<'c> {
    text: String,
    values: Vec<Value>,
    columns: &'c [FilterColumn],
    first: usize,
}

impl Condition<'_> {
    fn term(&mut self, term: &Term) -> Result<()> {
        match term {
            Term::Is(comparison) => return self.comparison(comparison),
            Term::Not(term) => {
                // what has no value does not fit, and so fits what is not wanted
                self.text.push_str("not coalesce(");
                self.term(term)?;
                self.text.push_str(", false)");
            }
            Term::Any(terms) => self.join(terms, " or ", "false")?,
            Term::All(terms) => self.join(terms, " and ", "true")?,
        }
        Ok(())
    }

    fn join(&mut self, terms: &[Term], word: &str, none: &str) -> Result<()> {
        self.text.push('(');
        for (position, term) in terms.iter().enumerate() {
            if position > 0 {
                self.text.push_str(word);
            }
            self.term(term)?;
        }
        if terms.is_empty() {
            self.text.push_str(none);
        }
        self.text.push(')');
        Ok(())
    }

    fn comparison(&mut self, comparison: &Comparison) -> Result<()> {
        let column =
            self.columns.iter().find(|column| column.field == comparison.field).ok_or_else(|| {
                Error::Misuse(format!("the filter field {} has no column", comparison.field))
            })?;
        let (sql, n) = (column.sql, self.first + self.values.len());
        let _ = match comparison.op {
            Op::Has => write!(self.text, "lower({sql}) like lower(${n}) escape '\\'"),
            // Unlike <>, this finds rows that have no value.
            Op::Ne => write!(self.text, "{sql} is distinct from ${n}"),
            op => write!(self.text, "{sql} {} ${n}", op.as_str()),
        };
        self.values.push(match (comparison.op, (column.value)(&comparison.value)) {
            (Op::Has, Value::Text(Some(part))) => contains(&part).into(),
            (_, value) => value,
        });
        Ok(())
    }
}

/// A `like` pattern that finds `part` anywhere.
fn contains(part: &str) -> String {
    let mut pattern = String::with_capacity(part.len() + 2);
    pattern.push('%');
    for c in part.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use salient_core::filter::{Field, parse};

    use super::*;

    #[test]
    fn a_filter_becomes_a_condition() {
        const FIELDS: &[Field] =
            &[Field::text("name"), Field::name("account", "accounts"), Field::time("at")];
        const COLUMNS: &[FilterColumn] = &[
            FilterColumn::plain("name", "o.name"),
            FilterColumn::id("account", "o.account_id"),
            FilterColumn::plain("at", "o.at"),
        ];
        let filter = parse("name : \"5%\" AND at >= 1970-01-02 AND account != accounts/x", FIELDS).unwrap();
        let (text, values) = render(&filter, COLUMNS, 3).unwrap();
        assert_eq!(
            text,
            "(true and lower(o.name) like lower($3) escape '\\' and o.at >= $4 and o.account_id is distinct from $5)"
        );
        assert_eq!(values, [Value::from("%5\\%%"), Value::Int(Some(86_400_000_000)), Value::Uuid(None)]);
        assert_eq!(render(&[], COLUMNS, 3).unwrap().0, "(true)");
        let filter = parse("name = a OR name = b AND NOT (at < 1970-01-02 AND name = c)", FIELDS).unwrap();
        assert_eq!(
            render(&filter, COLUMNS, 3).unwrap().0,
            "(true and (o.name = $3 or o.name = $4) and not coalesce((o.at < $5 and o.name = $6), false))"
        );
        assert!(render(&filter, &[], 3).is_err());
    }
}
