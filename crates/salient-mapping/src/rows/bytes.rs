//! Readers that count, transcode and remember.

use std::io::{Read, Result, Seek, SeekFrom};
use std::sync::atomic::Ordering;

use super::Progress;

/// Counts what is read.
pub(super) struct Counting<R> {
    inner: R,
    progress: Progress,
}

impl<R> Counting<R> {
    pub(super) fn new(inner: R, progress: Progress) -> Self {
        Self { inner, progress }
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.inner.read(buffer)?;
        self.progress.inner.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl<R: Seek> Seek for Counting<R> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        self.inner.seek(position)
    }
}

/// Makes UTF-8 of Windows-1252, the encoding of most European spreadsheets' CSV files.
pub(super) struct Windows1252<R> {
    inner: R,
    ready: Vec<u8>,
    given: usize,
}

/// The characters of bytes 0x80 to 0x9f; the rest is as in Unicode.
const UPPER: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl<R> Windows1252<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, ready: Vec::new(), given: 0 }
    }
}

impl<R: Read> Read for Windows1252<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.given == self.ready.len() {
            let mut raw = [0_u8; 1 << 14];
            let count = self.inner.read(&mut raw)?;
            self.ready.clear();
            self.given = 0;
            for byte in &raw[..count] {
                let character = match byte {
                    0x80..=0x9f => UPPER[usize::from(byte - 0x80)],
                    byte => char::from(*byte),
                };
                self.ready.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        let count = buffer.len().min(self.ready.len() - self.given);
        buffer[..count].copy_from_slice(&self.ready[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

/// Bytes that may come without a record's end: what is longer is a quote that is never closed, and
/// would be held in memory to the end of the file.
const LONGEST: usize = 64 << 20;

/// Remembers what tells a whole file from a cut one: the last byte, and whether quotes are open.
pub(super) struct Watching<R> {
    inner: R,
    /// Bytes since whoever reads records set it back.
    pub(super) since: usize,
    pub(super) last: u8,
    pub(super) odd_quotes: bool,
}

impl<R> Watching<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, since: 0, last: b'\n', odd_quotes: false }
    }
}

impl<R: Read> Read for Watching<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.since > LONGEST {
            return Err(std::io::Error::other("a record is longer than 64 MiB: a quote is not closed"));
        }
        let count = self.inner.read(buffer)?;
        self.since += count;
        if let Some(last) = buffer[..count].last() {
            self.last = *last;
            self.odd_quotes ^= memchr::memchr_iter(b'"', &buffer[..count]).count() % 2 == 1;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_1252_becomes_utf_8() {
        let mut text = String::new();
        let source: &[u8] = b"caf\xe9 \x80 5 \xa3 \x96 ok";
        Windows1252::new(source).read_to_string(&mut text).unwrap();
        assert_eq!(text, "café € 5 £ – ok");
    }

    #[test]
    fn quotes_and_ends_are_watched() {
        let mut text = String::new();
        let mut watching = Watching::new(&b"a,\"b\nc"[..]);
        watching.read_to_string(&mut text).unwrap();
        assert!(watching.odd_quotes && watching.last == b'c');
    }
}
