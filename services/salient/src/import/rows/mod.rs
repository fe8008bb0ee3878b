//! Rows of tables, whatever file they stand in. CSV, gzip and XLSX are told apart by their first
//! bytes, not by their names; all become rows of texts. Numbers of a spreadsheet become their
//! shortest decimal text, its dates become ISO texts.

mod bytes;
mod csv;
mod xlsx;

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
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
    /// True when dates may be a spreadsheet's own.
    pub(crate) spreadsheet: bool,
    /// Why the row cannot be taken although its cells can be counted.
    pub(crate) broken: Option<&'static str>,
    /// True for a last line without a line end: it may have been cut.
    pub(crate) open_end: bool,
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

    /// Lines that were read; for a model company, accounts that were made.
    pub fn rows(&self) -> u64 {
        self.inner.rows.load(Ordering::Relaxed)
    }
}

enum Format {
    Text,
    Gzip,
    Spreadsheet,
}

fn format(path: &Path) -> Result<Format> {
    let mut start = Vec::with_capacity(8);
    let file = File::open(path).map_err(|source| Error::io(path, source))?;
    file.take(8).read_to_end(&mut start).map_err(|source| Error::io(path, source))?;
    Ok(match start.as_slice() {
        [] => return Err(Error::Empty { path: path.to_owned() }),
        [0x1f, 0x8b, ..] => Format::Gzip,
        [b'P', b'K', 3, 4, ..] => Format::Spreadsheet,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            return Err(Error::unreadable(path, "this is an old Excel file (.xls); save it as .xlsx or CSV"));
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err(Error::unreadable(path, "this is UTF-16 text; save it as UTF-8"));
        }
        _ => Format::Text,
    })
}

/// The column names of a file.
pub(crate) fn header(path: &Path, options: &Options) -> Result<Vec<String>> {
    let mut found = None;
    let end = each(path, options, &Progress::default(), true, &mut |row| {
        found = Some(row.cells.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect());
        ControlFlow::Break(())
    })?;
    match (found, end.damage) {
        (Some(found), _) => Ok(found),
        (None, Some((_, problem))) => Err(Error::unreadable(path, problem)),
        (None, None) => Err(Error::Empty { path: path.to_owned() }),
    }
}

/// Gives every row after the header to `take`, in the order of the file.
pub(crate) fn for_each(
    path: &Path,
    options: &Options,
    progress: &Progress,
    take: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<End> {
    each(path, options, progress, false, take)
}

fn each(
    path: &Path,
    options: &Options,
    progress: &Progress,
    with_header: bool,
    take: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<End> {
    let format = format(path)?;
    let file = File::open(path).map_err(|source| Error::io(path, source))?;
    let file = bytes::Counting::new(file, progress.clone());
    match format {
        Format::Text => csv::each(path, Box::new(file), options, with_header, take),
        Format::Gzip => {
            let unpacked =
                flate2::read::MultiGzDecoder::new(std::io::BufReader::with_capacity(1 << 16, file));
            csv::each(path, Box::new(unpacked), options, with_header, take)
        }
        Format::Spreadsheet => xlsx::each(path, file, options, with_header, take),
    }
}
