//! What the cells of a row say: texts, keys, times and names.

use std::borrow::Cow;

use prost_types::Timestamp;
use salient_proto::common::v1::SourceKey;

use super::dates::Micros;
use super::error::{Cell, Refusal};
use super::keys::{BETWEEN, source_key};
use super::mapping::field::Joined;
use super::mapping::template::Template;
use super::orders::timestamp;
use super::read::Reader;

/// Bytes of a text, at most; the service that takes it counts characters, and fewer.
const WORDS: usize = 4_096;

impl<'a> Reader<'a> {
    /// A text of at most `most` bytes, checked to be UTF-8.
    pub(crate) fn text<'r>(
        &self,
        template: &'a Template,
        most: usize,
        row: &Joined<'r>,
    ) -> Cell<Cow<'r, [u8]>>
    where
        'a: 'r,
    {
        let text = template.text(&self.table.fields, row)?;
        if text.len() > most {
            let accepted = format!("at most {most} characters");
            return Err(Refusal::new(self.label(template), &text, "too long", accepted));
        }
        if !text.is_ascii() && std::str::from_utf8(&text).is_err() {
            let accepted = "UTF-8; for another encoding set encoding = \"windows-1252\" in the mapping";
            return Err(Refusal::new(self.label(template), &text, "not UTF-8", accepted));
        }
        Ok(text)
    }

    /// A key: a text that is there.
    pub(crate) fn key<'r>(&self, template: &'a Template, row: &Joined<'r>) -> Cell<Cow<'r, [u8]>>
    where
        'a: 'r,
    {
        // as in the contract; the key of a return that gets longer is refused by who takes it
        let text = self.text(template, 256, row)?;
        if text.is_empty() {
            return Err(Refusal::new(
                self.label(template),
                b"",
                "empty",
                "an id; a [[table.skip]] rule can leave such lines out",
            ));
        }
        if memchr::memchr(BETWEEN, &text).is_some() {
            return Err(Refusal::new(
                self.label(template),
                &text,
                "not usable as an id",
                "an id without U+0000",
            ));
        }
        Ok(text)
    }

    /// A key of the source that a row names, or of the mapping's own.
    pub(crate) fn key_in<'r>(
        &self,
        source: Option<&'a Template>,
        template: &'a Template,
        row: &Joined<'r>,
    ) -> Cell<Cow<'r, [u8]>>
    where
        'a: 'r,
    {
        let key = self.key(template, row)?;
        let Some(source) = source else { return Ok(key) };
        let mut whole = self.key(source, row)?.into_owned();
        whole.push(BETWEEN);
        whole.extend_from_slice(&key);
        Ok(Cow::Owned(whole))
    }

    /// A key of the source that a row names, or of the mapping's own, that may be there.
    pub(crate) fn maybe_key(
        &self,
        source: Option<&'a Template>,
        template: Option<&'a Template>,
        row: &Joined<'_>,
    ) -> Cell<Option<SourceKey>> {
        match template {
            Some(template) if !template.text(&self.table.fields, row)?.is_empty() => {
                Ok(self.source_key(&self.key_in(source, template, row)?))
            }
            _ => Ok(None),
        }
    }

    /// A key that becomes part of a resource name.
    pub(crate) fn product_key<'r>(&self, template: &'a Template, row: &Joined<'r>) -> Cell<Cow<'r, [u8]>>
    where
        'a: 'r,
    {
        let key = self.key(template, row)?;
        if key.len() > 128 || key.contains(&b'/') {
            return Err(Refusal::new(
                self.label(template),
                &key,
                "not usable in a name",
                "1 to 128 characters without a slash",
            ));
        }
        Ok(key)
    }

    /// A text as words; empty without a template.
    pub(crate) fn words<'r>(&self, template: Option<&'a Template>, row: &Joined<'r>) -> Cell<Cow<'r, str>>
    where
        'a: 'r,
    {
        let Some(template) = template else {
            return Ok(Cow::Borrowed(""));
        };
        Ok(match self.text(template, WORDS, row)? {
            // checked just now
            Cow::Borrowed(text) => Cow::Borrowed(std::str::from_utf8(text).unwrap_or_default()),
            Cow::Owned(text) => Cow::Owned(String::from_utf8(text).unwrap_or_default()),
        })
    }

    /// A text that must be there.
    pub(crate) fn needed(&self, template: &'a Template, row: &Joined<'_>) -> Cell<String> {
        let text = self.words(Some(template), row)?.into_owned();
        match text.is_empty() {
            true => Err(Refusal::new(self.label(template), b"", "empty", "a text")),
            false => Ok(text),
        }
    }

    /// A text that may be there.
    pub(crate) fn optional(&self, template: Option<&'a Template>, row: &Joined<'_>) -> Cell<Option<String>> {
        let text = self.words(template, row)?.into_owned();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    pub(crate) fn time(&self, field: usize, row: &Joined<'_>) -> Cell<Micros> {
        let mut memos = self.memos.borrow_mut();
        self.table.fields[field].1.time(row, self.latest, &mut memos[field])
    }

    /// A time that may be there.
    pub(crate) fn maybe_time(&self, field: Option<usize>, row: &Joined<'_>) -> Cell<Option<Timestamp>> {
        match field {
            Some(field) if !self.table.fields[field].1.text(row)?.is_empty() => {
                Ok(Some(timestamp(self.time(field, row)?)))
            }
            _ => Ok(None),
        }
    }

    /// The resource name of a product or seller, or nothing.
    pub(crate) fn name(
        &self,
        collection: &str,
        template: Option<&'a Template>,
        row: &Joined<'_>,
    ) -> Cell<String> {
        let Some(template) = template else {
            return Ok(String::new());
        };
        if template.text(&self.table.fields, row)?.is_empty() {
            return Ok(String::new());
        }
        let key = self.product_key(template, row)?;
        Ok(format!("{collection}/{}", String::from_utf8_lossy(&key)))
    }

    pub(crate) fn source_key(&self, key: &[u8]) -> Option<SourceKey> {
        Some(source_key(key, self.source))
    }

    /// The column behind a template, for messages.
    pub(crate) fn label(&self, template: &Template) -> &'a str {
        template.first_field().map_or("constant", |field| self.table.fields[field].1.label.as_str())
    }

    pub(crate) fn order_label(&self) -> &'a str {
        self.table.order.as_ref().map_or("order", |map| self.label(&map.key))
    }
}
