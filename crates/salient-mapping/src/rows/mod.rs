//! Rows of tables, whatever file they stand in. CSV, JSON Lines, Parquet, gzip and XLSX are told
//! apart by their first bytes, not by their names; all become rows of texts. Numbers of a
//! spreadsheet or of Parquet become their shortest decimal text, their dates become ISO texts.

mod bytes;
mod csv;
mod json;
mod parquet;
mod xlsx;

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::csv::ByteRecord;

use super::error::{Error, Result};

/// How to read a file; what is `None` is found out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) separator: Option<u8>,
    pub(crate) windows_1252: bool,
    pub(crate) sheet: Option<String>,
}

/// A row: its line and its texts.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) line: u64,
    pub(crate) cells: &'a ByteRecord,
    /// How the file itself writes dates, besides the formats that a mapping declares.
    pub(crate) dates: Dates,
    /// Why the row cannot be taken although its cells can be counted.
    pub(crate) broken: Option<&'static str>,
    /// True for a last line without a line end: it may have been cut.
    pub(crate) open_end: bool,
}

/// How a file writes dates of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dates {
    /// It has only texts.
    Texts,
    /// As ISO texts, made of its own dates.
    Iso,
    /// As ISO texts, or as a spreadsheet's serial numbers.
    Serial,
}

/// A file to read: of the file system, or one that is open already and has only a name.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    open: Option<Arc<File>>,
}

impl Input {
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None }
    }

    pub(crate) fn open(name: &str, file: File) -> Self {
        Self { path: name.into(), open: Some(Arc::new(file)) }
    }

    /// True for an open file: nothing stands beside it.
    pub(crate) fn is_alone(&self) -> bool {
        self.open.is_some()
    }

    pub(crate) fn size(&self) -> u64 {
        let metadata = match &self.open {
            Some(file) => file.metadata(),
            None => std::fs::metadata(&self.path),
        };
        metadata.map_or(0, |file| file.len())
    }

    /// The file from its start. Readers of an open one take turns.
    fn file(&self) -> Result<File> {
        let file = match &self.open {
            None => File::open(&self.path),
            Some(file) => file.try_clone().and_then(|mut file| file.rewind().map(|()| file)),
        };
        file.map_err(|source| Error::io(&self.path, source))
    }
}

/// What reading a file to its end tells.
#[derive(Debug, Default)]
pub(crate) struct End {
    /// The last line read whole and what is wrong after it.
    pub(crate) damage: Option<(u64, String)>,
}

/// How far an import has come, to be read from another thread.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub(crate) inner: Arc<Counters>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) bytes: AtomicU64,
    pub(crate) total: AtomicU64,
    pub(crate) rows: AtomicU64,
}

impl Progress {
    /// Share of the files' bytes that were read, 0 to 1.
    pub fn share(&self) -> f64 {
        let total = self.inner.total.load(Ordering::Relaxed);
        match total {
            0 => 0.0,
            total => (self.inner.bytes.load(Ordering::Relaxed) as f64 / total as f64).min(1.0),
        }
    }

    /// Says how much was made of [`Maker::size`](crate::Maker::size).
    pub fn made(&self, count: u64) {
        self.inner.rows.store(count, Ordering::Relaxed);
        self.inner.bytes.store(count, Ordering::Relaxed);
    }

    /// Lines that were read, or things that were made.
    pub fn rows(&self) -> u64 {
        self.inner.rows.load(Ordering::Relaxed)
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of values between separators, the first with the columns' names.
    Csv,
    /// A JSON object a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// A workbook of Excel.
    Spreadsheet,
}

/// What a file is, and whether it is packed with gzip.
fn format(input: &Input) -> Result<(Format, bool)> {
    let path = &input.path;
    let mut start = Vec::with_capacity(64);
    input.file()?.take(64).read_to_end(&mut start).map_err(|source| Error::io(path, source))?;
    Ok(match start.as_slice() {
        [] => return Err(Error::Empty { path: path.clone() }),
        [0x1f, 0x8b, ..] => {
            let mut inside = Vec::new();
            // what cannot be unpacked is told when the rows are read
            let _ = unpacked(input.file()?).take(64).read_to_end(&mut inside);
            (text_format(&inside), true)
        }
        [b'P', b'K', 3, 4, ..] => (Format::Spreadsheet, false),
        [b'P', b'A', b'R', b'1', ..] => (Format::Parquet, false),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            return Err(Error::unreadable(path, "this is an old Excel file (.xls); save it as .xlsx or CSV"));
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err(Error::unreadable(path, "this is UTF-16 text; save it as UTF-8"));
        }
        start => (text_format(start), false),
    })
}

/// A header of columns hardly begins with a brace, and an object always does.
fn text_format(start: &[u8]) -> Format {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    match start.trim_ascii_start().first() {
        Some(b'{') => Format::JsonLines,
        _ => Format::Csv,
    }
}

fn unpacked<R: Read>(file: R) -> flate2::read::MultiGzDecoder<BufReader<R>> {
    flate2::read::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file))
}

/// What a file is, told by its first bytes.
pub(crate) fn format_of(input: &Input) -> Result<Format> {
    Ok(format(input)?.0)
}

/// The column names of a file.
pub(crate) fn header(input: &Input, options: &Options) -> Result<Vec<String>> {
    let mut found = None;
    let end = each(input, options, &Progress::default(), true, &mut |row| {
        found = Some(row.cells.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect());
        ControlFlow::Break(())
    })?;
    match (found, end.damage) {
        (Some(found), _) => Ok(found),
        (None, Some((_, problem))) => Err(Error::unreadable(&input.path, problem)),
        (None, None) => Err(Error::Empty { path: input.path.clone() }),
    }
}

/// Gives every row after the header to `take`, in the order of the file.
pub(crate) fn for_each(
    input: &Input,
    options: &Options,
    progress: &Progress,
    take: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<End> {
    each(input, options, progress, false, take)
}

fn each(
    input: &Input,
    options: &Options,
    progress: &Progress,
    with_header: bool,
    take: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<End> {
    let (format, packed) = format(input)?;
    let path = &input.path;
    if format == Format::Parquet {
        return parquet::each(path, input.file()?, progress, with_header, take);
    }
    let file = bytes::Counting::new(input.file()?, progress.clone());
    if format == Format::Spreadsheet {
        return xlsx::each(path, file, options, with_header, take);
    }
    let source: Box<dyn Read> = match packed {
        true => Box::new(unpacked(file)),
        false => Box::new(file),
    };
    match format {
        Format::JsonLines => json::each(path, source, with_header, take),
        _ => csv::each(path, source, options, with_header, take),
    }
}
