//! Tables written piece by piece: what is ready can be taken away before the end.

mod parquet;

use std::io::Write as _;

use crate::export::{Column, Value, time_text};
use crate::rows::Format;

/// A table that is being written.
pub struct Table {
    columns: &'static [Column],
    writer: Writer,
}

enum Writer {
    Csv(Box<csv::Writer<Vec<u8>>>),
    Json(Vec<u8>),
    Parquet(Box<parquet::Rows>),
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Table {
    /// An empty table. `with_header` says whether its beginning is written, or it goes on with one
    /// that was begun: nothing for formats that have no beginning.
    ///
    /// # Errors
    /// The format is one that is only read, or cannot go on.
    pub fn try_new(
        format: Format,
        columns: &'static [Column],
        with_header: bool,
    ) -> Result<Self, std::io::Error> {
        let unfit = |what| std::io::Error::new(std::io::ErrorKind::Unsupported, what);
        let writer = match format {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(Vec::new());
                if with_header {
                    writer.write_record(columns.iter().map(|column| column.name))?;
                }
                Writer::Csv(Box::new(writer))
            }
            Format::JsonLines => Writer::Json(Vec::new()),
            Format::Parquet if !with_header => return Err(unfit("Parquet is written in one piece")),
            Format::Parquet => Writer::Parquet(Box::new(parquet::Rows::try_new(columns)?)),
            Format::Spreadsheet => return Err(unfit("workbooks are only read")),
        };
        Ok(Self { columns, writer })
    }

    /// Adds a row with a value for each column.
    ///
    /// # Errors
    /// The format cannot hold it.
    pub fn row(&mut self, values: &[Value<'_>]) -> Result<(), std::io::Error> {
        match &mut self.writer {
            Writer::Csv(writer) => {
                for value in values {
                    match value {
                        Value::Empty => writer.write_field("")?,
                        Value::Text(text) => writer.write_field(text.as_bytes())?,
                        Value::Integer(number) => writer.write_field(number.to_string())?,
                        Value::Float(number) => writer.write_field(number.to_string())?,
                        Value::Time(micros) => writer.write_field(time_text(*micros))?,
                    }
                }
                writer.write_record(None::<&[u8]>)?;
                Ok(())
            }
            Writer::Json(line) => json(line, self.columns, values),
            Writer::Parquet(rows) => rows.row(values),
        }
    }

    /// What is ready, and was not taken before.
    ///
    /// # Errors
    /// The format cannot hold a row.
    pub fn take(&mut self) -> Result<Vec<u8>, std::io::Error> {
        match &mut self.writer {
            Writer::Csv(writer) => {
                writer.flush()?;
                let empty = csv::Writer::from_writer(Vec::new());
                std::mem::replace(&mut **writer, empty).into_inner().map_err(|error| error.into_error())
            }
            Writer::Json(lines) => Ok(std::mem::take(lines)),
            Writer::Parquet(rows) => Ok(rows.take()),
        }
    }

    /// The rest.
    ///
    /// # Errors
    /// The format cannot hold a row.
    pub fn finish(mut self) -> Result<Vec<u8>, std::io::Error> {
        match self.writer {
            Writer::Parquet(rows) => rows.finish(),
            _ => self.take(),
        }
    }
}

/// Every column in every line, so that the first line tells all of them.
fn json(line: &mut Vec<u8>, columns: &[Column], values: &[Value<'_>]) -> Result<(), std::io::Error> {
    for (position, (column, value)) in columns.iter().zip(values).enumerate() {
        line.push(if position == 0 { b'{' } else { b',' });
        serde_json::to_writer(&mut *line, column.name)?;
        line.push(b':');
        match value {
            Value::Empty => line.extend_from_slice(b"null"),
            Value::Text(text) => serde_json::to_writer(&mut *line, text)?,
            Value::Integer(number) => write!(line, "{number}")?,
            // never in the notation with an exponent, which no decimal of a mapping has
            Value::Float(number) => write!(line, "{number}")?,
            Value::Time(micros) => serde_json::to_writer(&mut *line, &time_text(*micros))?,
        }
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}
