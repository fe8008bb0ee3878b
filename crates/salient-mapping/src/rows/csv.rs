//! Rows of CSV text.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use csv::ByteRecord;

use super::bytes::{Watching, Windows1252};
use super::{Dates, End, Options, Row};
use crate::error::{Error, Result};

/// Lines that one record may go over before an unclosed quote is the likelier reason.
const LONG_RECORD: u64 = 200;

pub(super) fn each(
    path: &Path,
    source: Box<dyn Read>,
    options: &Options,
    with_header: bool,
    take: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<End> {
    let source: Box<dyn Read> = match options.windows_1252 {
        true => Box::new(Windows1252::new(source)),
        false => source,
    };
    let mut source = BufReader::with_capacity(1 << 17, Watching::new(source));
    let start = source.fill_buf().map_err(|error| unreadable(path, error))?;
    if start.starts_with(b"\xef\xbb\xbf") {
        source.consume(3);
    }
    let start = source.fill_buf().map_err(|source| Error::io(path, source))?;
    let separator = options.separator.unwrap_or_else(|| sniff(start));
    // the buffer above is large enough; the reader's own only passes it on
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1 << 16)
        .from_reader(source);
    let mut end = End::default();
    // one record ahead, because only the last one can be cut
    let (mut record, mut next) = (ByteRecord::new(), ByteRecord::new());
    let mut there = read(&mut reader, &mut record, 0, &mut end);
    if !with_header && there {
        there = read(&mut reader, &mut record, 1, &mut end);
    }
    while there {
        let line = line_of(&record);
        reader.get_mut().get_mut().since = 0;
        there = read(&mut reader, &mut next, line, &mut end);
        // a record that was followed by damage is whole: the reader had seen its end
        let last = !there && end.damage.is_none();
        let following = if there { line_of(&next) } else { reader.position().line() };
        let lines = following.saturating_sub(line);
        let broken = if last && cut(&reader, lines) {
            Some("a quote is opened and never closed, and the file ends; it seems to be cut off")
        } else if lines > LONG_RECORD {
            Some("a quote that is opened here is closed only hundreds of lines later")
        } else {
            None
        };
        let open_end = last && reader.get_ref().get_ref().last != b'\n';
        if take(Row { line, cells: &record, dates: Dates::Texts, broken, open_end }).is_break() {
            return Ok(End::default());
        }
        std::mem::swap(&mut record, &mut next);
    }
    Ok(end)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::unreadable(path, "the compressed file is cut off at its start")
        }
        _ => Error::io(path, error),
    }
}

/// Reads a record; at damage notes it and ends.
fn read<R: Read>(reader: &mut csv::Reader<R>, record: &mut ByteRecord, after: u64, end: &mut End) -> bool {
    match reader.read_byte_record(record) {
        Ok(there) => there,
        Err(error) => {
            let problem = match error.into_kind() {
                csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    "the compressed file is cut off; the lines before stand".to_owned()
                }
                csv::ErrorKind::Io(error) => format!("it cannot be read on: {error}; the lines before stand"),
                kind => format!("it cannot be read on: {kind:?}; the lines before stand"),
            };
            end.damage = Some((after, problem));
            false
        }
    }
}

fn line_of(record: &ByteRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// True when the last record was still inside a quote as the file ended. A single quote sign in
/// the middle of some text makes the count odd as well, so the record must look cut besides.
fn cut<R: Read>(reader: &csv::Reader<BufReader<Watching<R>>>, lines: u64) -> bool {
    let watching = reader.get_ref().get_ref();
    watching.odd_quotes && (lines > 1 || watching.last != b'\n')
}

/// The separator that the first line has most of.
fn sniff(start: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in start.iter().take_while(|byte| **byte != b'\n') {
        quoted ^= *byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(separator, _)| separator == byte && !quoted) {
            *count += 1;
        }
    }
    // on a tie the earlier one stands
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_sniffed() {
        assert_eq!(sniff(b"a,b;c,d\n1;2;3;4;5;6\n"), b',');
        assert_eq!(sniff(b"a;b;c\n"), b';');
        assert_eq!(sniff(b"a\tb\n"), b'\t');
        assert_eq!(sniff(b"\"a,b,c\"|d\n"), b'|');
        assert_eq!(sniff(b"alone\n"), b',');
    }
}
