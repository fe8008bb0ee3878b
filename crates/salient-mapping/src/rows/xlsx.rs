//! Rows of a spreadsheet, read as a stream: only its shared texts are held in memory.

use std::io::{BufReader, Read, Seek, Write};
use std::ops::ControlFlow;
use std::path::Path;

use calamine::{DataRef, Reader, Xlsx};
use csv::ByteRecord;

use super::{Dates, End, Options, Row};
use crate::error::{Error, Result};

pub(super) fn each<R: Read + Seek>(
    path: &Path,
    source: R,
    options: &Options,
    with_header: bool,
    take: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<End> {
    let mut book: Xlsx<_> = Xlsx::new(BufReader::with_capacity(1 << 16, source))
        .map_err(|error| Error::unreadable(path, format!("the spreadsheet cannot be read: {error}")))?;
    let sheets = book.sheet_names();
    let sheet = match &options.sheet {
        Some(name) if sheets.contains(name) => name.clone(),
        Some(name) if sheets.len() != 1 => {
            let problem = format!("there is no sheet {name:?}; found: {}", sheets.join(", "));
            return Err(Error::unreadable(path, problem));
        }
        _ => sheets.first().cloned().ok_or_else(|| Error::Empty { path: path.to_owned() })?,
    };
    let mut cells = book
        .worksheet_cells_reader(&sheet)
        .map_err(|error| Error::unreadable(path, format!("sheet {sheet:?} cannot be read: {error}")))?;
    let mut rows = Rows { record: ByteRecord::new(), row: None, columns: None, with_header, take };
    let mut text = Vec::new();
    loop {
        match cells.next_cell() {
            Ok(Some(cell)) => {
                let (row, column) = cell.get_position();
                write_text(cell.get_value(), &mut text);
                if rows.cell(row, column, &text).is_break() {
                    return Ok(End::default());
                }
            }
            Ok(None) => {
                let _ = rows.finish();
                return Ok(End::default());
            }
            Err(error) => {
                // the row that was being read may be incomplete and is dropped
                let after = rows.row.map_or(0, u64::from);
                let problem = format!("the spreadsheet cannot be read on: {error}; the lines before stand");
                return Ok(End { damage: Some((after, problem)) });
            }
        }
    }
}

/// Gathers cells to rows.
struct Rows<'a> {
    record: ByteRecord,
    row: Option<u32>,
    /// Columns of the header, once it is known; later rows are filled up to it.
    columns: Option<usize>,
    with_header: bool,
    take: &'a mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
}

impl Rows<'_> {
    fn cell(&mut self, row: u32, column: u32, text: &[u8]) -> ControlFlow<()> {
        if self.row != Some(row) {
            self.finish()?;
            self.row = Some(row);
        }
        // an empty cell beyond the header is formatting, not data
        let beyond = self.columns.is_some_and(|columns| column as usize >= columns);
        if text.is_empty() && beyond {
            return ControlFlow::Continue(());
        }
        // the format has at most 16,384 columns; more is damage
        while self.record.len() < (column as usize).min(16_384) {
            self.record.push_field(b"");
        }
        self.record.push_field(text);
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> ControlFlow<()> {
        let Some(row) = self.row.take() else {
            return ControlFlow::Continue(());
        };
        let is_header = self.columns.is_none();
        let empty = self.record.iter().all(<[u8]>::is_empty);
        let flow = if empty {
            ControlFlow::Continue(())
        } else {
            if is_header {
                while self.record.iter().next_back().is_some_and(<[u8]>::is_empty) {
                    self.record.truncate(self.record.len() - 1);
                }
                self.columns = Some(self.record.len());
            }
            while self.columns.is_some_and(|columns| self.record.len() < columns) {
                self.record.push_field(b"");
            }
            match is_header && !self.with_header {
                true => ControlFlow::Continue(()),
                false => (self.take)(Row {
                    line: u64::from(row) + 1,
                    cells: &self.record,
                    dates: Dates::Serial,
                    broken: None,
                    open_end: false,
                }),
            }
        };
        self.record.clear();
        flow
    }
}

/// The text of a cell. Writing to memory cannot fail.
fn write_text(value: &DataRef<'_>, text: &mut Vec<u8>) {
    text.clear();
    let _ = match value {
        DataRef::Empty => Ok(()),
        DataRef::String(value) => text.write_all(value.as_bytes()),
        DataRef::SharedString(value) => text.write_all(value.as_bytes()),
        DataRef::Int(value) => write!(text, "{value}"),
        // the shortest text that gives the same number: 2.55, not 2.5499999999999998
        DataRef::Float(value) => write!(text, "{value}"),
        DataRef::Bool(value) => write!(text, "{value}"),
        DataRef::DateTime(value) if value.is_datetime() => {
            let (year, month, day, hour, minute, second, milli) = value.to_ymd_hms_milli();
            let date = write!(text, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
            if milli > 0 { write!(text, ".{milli:03}") } else { date }
        }
        DataRef::DateTime(value) => write!(text, "{}", value.as_f64()),
        DataRef::DateTimeIso(value) | DataRef::DurationIso(value) => text.write_all(value.as_bytes()),
        // "#N/A" and the like: no field accepts them
        DataRef::Error(value) => write!(text, "{value}"),
    };
}
