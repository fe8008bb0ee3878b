//! Rows of Apache Parquet, read group by group.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use csv::ByteRecord;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::{Dates, End, Progress, Row};
use crate::error::{Error, Result};

/// The line of a row is its number, from 1.
pub(super) fn each(
    path: &Path,
    file: File,
    progress: &Progress,
    with_header: bool,
    take: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<End> {
    let size = file.metadata().map_or(0, |file| file.len());
    let unreadable =
        |error: ParquetError| Error::unreadable(path, format!("the Parquet file cannot be read: {error}"));
    let reader = SerializedFileReader::new(file).map_err(unreadable)?;
    let about = reader.metadata().file_metadata();
    let rows = u64::try_from(about.num_rows()).unwrap_or(0).max(1);
    let columns = about.schema_descr().columns();
    if let Some(column) = columns.iter().find(|column| column.converted_type() == ConvertedType::INTERVAL) {
        let problem = format!("column {:?} holds intervals, which are not read", column.name());
        return Err(Error::unreadable(path, problem));
    }
    let mut record = ByteRecord::new();
    if with_header {
        record.extend(about.schema().get_fields().iter().map(|field| field.name().as_bytes()));
        let row = Row { line: 0, cells: &record, dates: Dates::Iso, broken: None, open_end: false };
        if take(row).is_break() {
            return Ok(End::default());
        }
    }
    // times by the nanosecond, which the format's older names of types do not know
    let is_nanos = |field: &parquet::schema::types::TypePtr| {
        let kind = field.get_basic_info().logical_type_ref();
        matches!(kind, Some(LogicalType::Timestamp(time)) if time.unit == TimeUnit::NANOS)
    };
    let nanos: Vec<bool> = about.schema().get_fields().iter().map(is_nanos).collect();
    let mut text = Vec::new();
    let mut counted = 0;
    for (line, row) in (1..).zip(reader.get_row_iter(None).map_err(unreadable)?) {
        let row = match row {
            Ok(row) => row,
            // what the reader says may hold values of the row
            Err(_) => {
                let problem = "the Parquet file cannot be read on; the rows before stand".to_owned();
                return Ok(End { damage: Some((line - 1, problem)) });
            }
        };
        record.clear();
        for ((_, field), nanos) in row.get_column_iter().zip(&nanos) {
            text.clear();
            match field {
                Field::Long(value) if *nanos => {
                    write_text(&Field::TimestampMicros(value.div_euclid(1_000)), &mut text);
                }
                field => write_text(field, &mut text),
            }
            record.push_field(&text);
        }
        let read = u128::from(size) * u128::from(line) / u128::from(rows);
        let read = u64::try_from(read).unwrap_or(size);
        progress.inner.bytes.fetch_add(read - counted, Ordering::Relaxed);
        counted = read;
        if take(Row { line, cells: &record, dates: Dates::Iso, broken: None, open_end: false }).is_break() {
            break;
        }
    }
    Ok(End::default())
}

/// The text of a value. Writing to memory cannot fail.
fn write_text(field: &Field, text: &mut Vec<u8>) {
    let time =
        |time: Option<DateTime<Utc>>| time.map(|time| time.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string());
    let _ = match field {
        Field::Null => Ok(()),
        Field::Str(value) => text.write_all(value.as_bytes()),
        Field::Bytes(value) => text.write_all(value.data()),
        // the shortest text that gives the same number
        Field::Float(value) => write!(text, "{value}"),
        Field::Double(value) => write!(text, "{value}"),
        Field::Date(days) => {
            let date = DateTime::from_timestamp(i64::from(*days) * 86_400, 0);
            write!(text, "{}", date.map(|date| date.format("%Y-%m-%d").to_string()).unwrap_or_default())
        }
        Field::TimestampMillis(millis) => {
            write!(text, "{}", time(DateTime::from_timestamp_millis(*millis)).unwrap_or_default())
        }
        Field::TimestampMicros(micros) => {
            write!(text, "{}", time(DateTime::from_timestamp_micros(*micros)).unwrap_or_default())
        }
        // numbers, decimals and truth values; lists and groups as the format shows them
        other => write!(text, "{other}"),
    };
}
