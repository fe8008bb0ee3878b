//! Rows of JSON Lines: an object a line. The columns are the names that the first lines have; an
//! object in an object is written `outer.inner`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use csv::ByteRecord;
use serde_json::value::RawValue;

use super::{Dates, End, Row};
use crate::error::{Error, Result};

/// Lines that are looked at for columns, at most, and their bytes.
const LOOKED_AT: usize = 1_000;
const LOOKED_AT_BYTES: usize = 4 << 20;
/// A line that is longer is not read.
const LONGEST: usize = 16 << 20;
/// Objects in objects, at most; what is deeper stays JSON.
const DEEPEST: usize = 8;

/// The texts of a line by column; none if the line is no object.
type Texts = Option<BTreeMap<String, String>>;

pub(super) fn each(
    path: &Path,
    source: Box<dyn Read>,
    with_header: bool,
    take: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<End> {
    let mut lines = Lines { source: BufReader::with_capacity(1 << 17, source), number: 0, text: Vec::new() };
    let mut ahead: Vec<(u64, Texts)> = Vec::new();
    let (mut columns, mut bytes) = (Vec::<String>::new(), 0);
    let mut damage = None;
    while ahead.len() < LOOKED_AT && bytes < LOOKED_AT_BYTES {
        match lines.next() {
            Ok(false) => break,
            Ok(true) => {}
            Err(problem) => {
                damage = Some((lines.number, problem));
                break;
            }
        }
        bytes += lines.text.len();
        let texts = texts(&lines.text);
        for name in texts.iter().flat_map(BTreeMap::keys) {
            if !columns.iter().any(|known| known == name) {
                columns.push(name.clone());
            }
        }
        ahead.push((lines.number, texts));
    }
    if columns.is_empty() {
        let problem = damage.map_or_else(
            || "no line is a JSON object; one like {\"id\": 1} is accepted".to_owned(),
            |(_, problem)| problem,
        );
        return Err(Error::unreadable(path, problem));
    }
    let mut record = ByteRecord::new();
    if with_header {
        record.extend(columns.iter().map(String::as_bytes));
        let row = Row { line: 0, cells: &record, dates: Dates::Texts, broken: None, open_end: false };
        if take(row).is_break() {
            return Ok(End::default());
        }
    }
    let mut give = |line: u64, texts: Texts| {
        record.clear();
        let broken = match &texts {
            None => Some("it is no JSON object"),
            Some(texts) => {
                for column in &columns {
                    record.push_field(texts.get(column).map_or(&[][..], String::as_bytes));
                }
                None
            }
        };
        take(Row { line, cells: &record, dates: Dates::Texts, broken, open_end: false })
    };
    for (line, texts) in ahead {
        if give(line, texts).is_break() {
            return Ok(End::default());
        }
    }
    while damage.is_none() {
        match lines.next() {
            Ok(false) => break,
            Ok(true) => {
                if give(lines.number, texts(&lines.text)).is_break() {
                    return Ok(End::default());
                }
            }
            Err(problem) => damage = Some((lines.number, problem)),
        }
    }
    Ok(End { damage })
}

struct Lines {
    source: BufReader<Box<dyn Read>>,
    number: u64,
    text: Vec<u8>,
}

impl Lines {
    /// Reads the next line that is not blank; false at the end.
    fn next(&mut self) -> std::result::Result<bool, String> {
        loop {
            self.text.clear();
            let mut limited = (&mut self.source).take(LONGEST as u64 + 1);
            match limited.read_until(b'\n', &mut self.text) {
                Ok(0) => return Ok(false),
                Ok(count) if count > LONGEST => {
                    return Err(format!(
                        "a line is longer than {} MiB; the lines before stand",
                        LONGEST >> 20
                    ));
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Err("the compressed file is cut off; the lines before stand".to_owned());
                }
                Err(error) => return Err(format!("it cannot be read on: {error}; the lines before stand")),
            }
            self.number += 1;
            if self.number == 1 && self.text.starts_with(b"\xef\xbb\xbf") {
                self.text.drain(..3);
            }
            if !self.text.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }
}

fn texts(line: &[u8]) -> Texts {
    let mut texts = BTreeMap::new();
    flatten(std::str::from_utf8(line).ok()?, "", 0, &mut texts)?;
    Some(texts)
}

/// Adds the values of an object; none if it is none.
fn flatten(object: &str, prefix: &str, depth: usize, texts: &mut BTreeMap<String, String>) -> Option<()> {
    // raw: a number keeps the digits that it was written with
    let values: BTreeMap<String, &RawValue> = serde_json::from_str(object).ok()?;
    for (name, value) in values {
        let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        let raw = value.get();
        match raw.as_bytes().first() {
            Some(b'{') if depth < DEEPEST => flatten(raw, &name, depth + 1, texts)?,
            Some(b'"') => drop(texts.insert(name, serde_json::from_str(raw).ok()?)),
            Some(b'n') => drop(texts.insert(name, String::new())),
            _ => drop(texts.insert(name, raw.to_owned())),
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_objects_are_flattened() {
        let line = br#"{"a": 12345678901234567.890, "b": {"c": "x\ty", "d": null}, "e": [1, 2], "f": true}"#;
        let texts: Vec<_> = texts(line).unwrap().into_iter().collect();
        let expected =
            [("a", "12345678901234567.890"), ("b.c", "x\ty"), ("b.d", ""), ("e", "[1, 2]"), ("f", "true")];
        assert_eq!(texts, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert!(super::texts(b"[1]").is_none() && super::texts(b"{\"a\": }").is_none());
    }
}
