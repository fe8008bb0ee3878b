//! A batch of rows as one relation in a statement.

use std::{borrow::Cow, fmt::Write as _};

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    value::{IntoBytes, IntoInt, IntoText, IntoUuid},
};

/// Columns of equal length that a statement sees as the relation `rows`, wherever its text
/// says `{rows}`. One statement then inserts, updates or looks up the whole batch.
///
/// On Postgres the columns travel as arrays (`unnest`), on SQLite as one JSON value
/// (`jsonb_each`, which unlike `json_each` does not write each row out and parse it again;
/// bound values in a `values` list are no faster and limited in number); the text of the statement is the same for any number of rows, so it is
/// prepared once.
#[derive(Clone, Debug, Default)]
pub struct Rows<'a> {
    columns: Vec<(&'static str, Column<'a>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Column<'a> {
    Text(Vec<Option<Cow<'a, str>>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Bool(Vec<Option<bool>>),
    Uuid(Vec<Option<Uuid>>),
    Bytes(Vec<Option<Cow<'a, [u8]>>>),
}

impl<'a> Rows<'a> {
    /// No columns yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a `text` column.
    #[must_use]
    pub fn text<T: IntoText<'a>>(self, name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        self.column(name, Column::Text(values.into_iter().map(T::into_text).collect()))
    }

    /// Adds a `bigint` column; a time is its microseconds.
    #[must_use]
    pub fn int<T: IntoInt>(self, name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        self.column(name, Column::Int(values.into_iter().map(T::into_int).collect()))
    }

    /// Adds a `double precision` column. Only finite numbers: SQLite turns others to null.
    /// Beyond magnitudes of 1e-30 to 1e30, SQLite may change the last of 17 digits.
    #[must_use]
    pub fn float<T: Into<Option<f64>>>(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.column(name, Column::Float(values.into_iter().map(T::into).collect()))
    }

    /// Adds a `boolean` column.
    #[must_use]
    pub fn bool<T: Into<Option<bool>>>(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.column(name, Column::Bool(values.into_iter().map(T::into).collect()))
    }

    /// Adds a `uuid` column.
    #[must_use]
    pub fn uuid<T: IntoUuid>(self, name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        self.column(name, Column::Uuid(values.into_iter().map(T::into_uuid).collect()))
    }

    /// Adds a `{blob}` column.
    #[must_use]
    pub fn bytes<T: IntoBytes<'a>>(self, name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        self.column(name, Column::Bytes(values.into_iter().map(T::into_bytes).collect()))
    }

    fn column(mut self, name: &'static str, column: Column<'a>) -> Self {
        self.columns.push((name, column));
        self
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column<'a>> {
        self.columns.iter().map(|(_, column)| column)
    }

    pub(crate) fn check(&self) -> Result<()> {
        let length = self.len();
        match self.columns.iter().find(|(_, column)| column.len() != length) {
            Some((name, column)) => Err(Error::Misuse(format!(
                "column {name} has {} values, the first column {length}",
                column.len()
            ))),
            None if self.columns.is_empty() => Err(Error::Misuse("rows without a column".into())),
            None => Ok(()),
        }
    }

    /// `unnest($3::uuid[], $4::text[]) as rows(id, name)`
    pub(crate) fn postgres_sql(&self, first: usize, out: &mut String) {
        out.push_str("unnest(");
        for (i, (_, column)) in self.columns.iter().enumerate() {
            let kind = match column {
                Column::Text(_) => "text",
                Column::Int(_) => "bigint",
                Column::Float(_) => "double precision",
                Column::Bool(_) => "boolean",
                Column::Uuid(_) => "uuid",
                Column::Bytes(_) => "bytea",
            };
            let comma = if i == 0 { "" } else { ", " };
            let _ = write!(out, "{comma}${}::{kind}[]", first + i);
        }
        out.push_str(") as rows(");
        for (i, (name, _)) in self.columns.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let _ = write!(out, "{comma}{name}");
        }
        out.push(')');
    }

    /// `(select unhex(value ->> 0) as id, value ->> 1 as name from jsonb_each($3)) as rows`
    pub(crate) fn sqlite_sql(&self, first: usize, out: &mut String) {
        out.push_str("(select ");
        for (i, (name, column)) in self.columns.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let _ = match column {
                Column::Uuid(_) | Column::Bytes(_) => write!(out, "{comma}unhex(value ->> {i}) as {name}"),
                _ => write!(out, "{comma}value ->> {i} as {name}"),
            };
        }
        let _ = write!(out, " from jsonb_each(${first})) as rows");
    }

    /// The rows as a JSON array of arrays; bytes as hexadecimal digits.
    pub(crate) fn json(&self) -> String {
        let mut out = String::with_capacity(self.len() * self.columns.len() * 24 + 2);
        out.push('[');
        for row in 0..self.len() {
            out.push_str(if row == 0 { "[" } else { ",[" });
            for (i, (_, column)) in self.columns.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                column.write_json(row, &mut out);
            }
            out.push(']');
        }
        out.push(']');
        out
    }
}

impl Column<'_> {
    fn len(&self) -> usize {
        match self {
            Column::Text(values) => values.len(),
            Column::Int(values) => values.len(),
            Column::Float(values) => values.len(),
            Column::Bool(values) => values.len(),
            Column::Uuid(values) => values.len(),
            Column::Bytes(values) => values.len(),
        }
    }

    fn write_json(&self, row: usize, out: &mut String) {
        // Writing to a String cannot fail.
        let written = match self {
            Column::Text(values) => values[row].as_ref().map(|value| write_text(value, out)),
            Column::Int(values) => values[row].map(|value| write!(out, "{value}")),
            // {:?} keeps the point of a whole number, so that SQLite stores a real.
            Column::Float(values) => {
                values[row].filter(|value| value.is_finite()).map(|value| write!(out, "{value:?}"))
            }
            Column::Bool(values) => values[row].map(|value| write!(out, "{value}")),
            Column::Uuid(values) => values[row].map(|value| write!(out, "\"{}\"", value.simple())),
            Column::Bytes(values) => values[row].as_ref().map(|value| {
                out.push('"');
                for byte in value.iter() {
                    out.push(char::from(HEX[usize::from(byte >> 4)]));
                    out.push(char::from(HEX[usize::from(byte & 15)]));
                }
                out.push('"');
                Ok(())
            }),
        };
        if written.is_none() {
            out.push_str("null");
        }
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn write_text(text: &str, out: &mut String) -> std::fmt::Result {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        out.push_str(&rest[..at]);
        let byte = rest.as_bytes()[at];
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            _ => write!(out, "\\u{byte:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows<'static> {
        Rows::new()
            .uuid("id", [Uuid::from_u128(1), Uuid::from_u128(2)])
            .text("name", [Some("a\"\\\n\u{e9}"), None])
            .float("x", [Some(1.0), Some(f64::NAN)])
            .bytes("data", [vec![0, 255], vec![]])
            .bool("ok", [true, false])
    }

    #[test]
    fn the_text_does_not_depend_on_the_number_of_rows() {
        let mut text = String::new();
        rows().sqlite_sql(3, &mut text);
        assert_eq!(
            text,
            "(select unhex(value ->> 0) as id, value ->> 1 as name, value ->> 2 as x, \
             unhex(value ->> 3) as data, value ->> 4 as ok from jsonb_each($3)) as rows"
        );
        text.clear();
        rows().postgres_sql(3, &mut text);
        assert_eq!(
            text,
            "unnest($3::uuid[], $4::text[], $5::double precision[], $6::bytea[], $7::boolean[]) \
             as rows(id, name, x, data, ok)"
        );
    }

    #[test]
    fn json_reads_back() {
        let json: serde_json::Value = serde_json::from_str(&rows().json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!([
                ["00000000000000000000000000000001", "a\"\\\n\u{e9}", 1.0, "00ff", true],
                ["00000000000000000000000000000002", null, null, "", false]
            ])
        );
    }

    #[test]
    fn unequal_columns_are_refused() {
        let error = Rows::new().int("a", [1, 2]).int("b", [1]).check().unwrap_err();
        assert_eq!(error.to_string(), "column b has 1 values, the first column 2");
        assert!(Rows::new().check().is_err());
    }
}
