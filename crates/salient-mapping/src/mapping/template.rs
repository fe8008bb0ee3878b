//! Templates: `Customer {customer}`.

use std::borrow::Cow;

use super::field::{Field, Joined};
use super::spec::FieldType;
use crate::error::Cell;

/// A text with fields in it.
#[derive(Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(Vec<u8>),
    Field(usize),
}

impl Template {
    /// Reads a template; the error says what is wrong with it.
    pub(crate) fn parse(text: &str, fields: &[(String, Field)]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some(open) = rest.find('{') else {
                parts.push(Part::Text(rest.as_bytes().to_vec()));
                break;
            };
            if open > 0 {
                parts.push(Part::Text(rest.as_bytes()[..open].to_vec()));
            }
            let close = rest[open..].find('}').ok_or_else(|| format!("`}}` is missing in {text:?}"))? + open;
            let name = rest[open + 1..close].trim();
            let field = fields.iter().position(|(known, _)| known == name).ok_or_else(|| {
                let known: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                format!("{{{name}}} in {text:?} is no field; fields are: {}", known.join(", "))
            })?;
            parts.push(Part::Field(field));
            rest = &rest[close + 1..];
        }
        Ok(Self { parts })
    }

    /// The one field that this is, when it must be of a type.
    pub(crate) fn typed(&self, fields: &[(String, Field)], kinds: &[FieldType]) -> Result<usize, String> {
        let names: Vec<String> = kinds.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect();
        match self.parts.as_slice() {
            [Part::Field(field)] if kinds.contains(&fields[*field].1.kind) => Ok(*field),
            [Part::Field(field)] => Err(format!(
                "field {0:?} must be declared with type = \"{1}\"",
                fields[*field].0,
                names.join("\" or \"")
            )),
            _ => Err(format!(
                "exactly one field in braces is expected, with type = \"{}\"",
                names.join("\" or \"")
            )),
        }
    }

    /// The text for a row.
    pub(crate) fn text<'a>(&'a self, fields: &'a [(String, Field)], row: &Joined<'a>) -> Cell<Cow<'a, [u8]>> {
        match self.parts.as_slice() {
            [] => Ok(Cow::Borrowed(b"")),
            [Part::Text(text)] => Ok(Cow::Borrowed(text)),
            [Part::Field(field)] => fields[*field].1.text(row),
            parts => {
                let mut whole = Vec::new();
                for part in parts {
                    match part {
                        Part::Text(text) => whole.extend_from_slice(text),
                        Part::Field(field) => whole.extend_from_slice(&fields[*field].1.text(row)?),
                    }
                }
                Ok(Cow::Owned(whole))
            }
        }
    }

    /// The first field in it.
    pub(crate) fn first_field(&self) -> Option<usize> {
        self.parts.iter().find_map(|part| match part {
            Part::Field(field) => Some(*field),
            Part::Text(_) => None,
        })
    }
}
