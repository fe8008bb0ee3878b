//! Parquet: rows are held as columns and written group by group.

use std::io::{Error, Result};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::export::{Column, ColumnKind, Value};

/// Rows of a group.
const GROUP: usize = 20_000;

/// Rows that are being written.
pub(super) struct Rows {
    writer: SerializedFileWriter<Vec<u8>>,
    held: Vec<Held>,
    rows: usize,
}

/// The values of a column, and for each row whether it has one.
struct Held {
    there: Vec<i16>,
    values: Values,
}

enum Values {
    Text(Vec<ByteArray>),
    Number(Vec<i64>),
    Float(Vec<f64>),
}

impl Held {
    fn new(kind: ColumnKind) -> Self {
        let values = match kind {
            ColumnKind::Text => Values::Text(Vec::new()),
            ColumnKind::Integer | ColumnKind::Time => Values::Number(Vec::new()),
            ColumnKind::Float => Values::Float(Vec::new()),
        };
        Self { there: Vec::new(), values }
    }

    fn add(&mut self, value: &Value<'_>) -> Result<()> {
        match (&mut self.values, value) {
            (_, Value::Empty) => {
                self.there.push(0);
                return Ok(());
            }
            (Values::Text(values), Value::Text(text)) => {
                values.push(ByteArray::from(text.as_bytes().to_vec()))
            }
            (Values::Number(values), Value::Integer(number) | Value::Time(number)) => values.push(*number),
            (Values::Float(values), Value::Float(number)) => values.push(*number),
            _ => return Err(Error::other("a value is not of its column's kind")),
        }
        self.there.push(1);
        Ok(())
    }
}

fn field(column: &Column) -> std::result::Result<Type, parquet::errors::ParquetError> {
    let (physical, logical) = match column.kind {
        ColumnKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnKind::Integer => (Physical::INT64, None),
        ColumnKind::Float => (Physical::DOUBLE, None),
        ColumnKind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

impl Rows {
    pub(super) fn try_new(columns: &'static [Column]) -> Result<Self> {
        let fields =
            columns.iter().map(|column| field(column).map(Arc::new)).collect::<std::result::Result<_, _>>();
        let schema = fields
            .and_then(|fields| Type::group_type_builder("records").with_fields(fields).build())
            .map_err(Error::other)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties));
        Ok(Self {
            writer: writer.map_err(Error::other)?,
            held: columns.iter().map(|column| Held::new(column.kind)).collect(),
            rows: 0,
        })
    }

    pub(super) fn row(&mut self, values: &[Value<'_>]) -> Result<()> {
        for (held, value) in self.held.iter_mut().zip(values) {
            held.add(value)?;
        }
        self.rows += 1;
        if self.rows == GROUP { self.group() } else { Ok(()) }
    }

    fn group(&mut self) -> Result<()> {
        self.rows = 0;
        let mut group = self.writer.next_row_group().map_err(Error::other)?;
        for held in &mut self.held {
            let column = group.next_column().map_err(Error::other)?;
            let mut column = column.ok_or_else(|| Error::other("the schema has fewer columns"))?;
            let there = Some(held.there.as_slice());
            match &held.values {
                Values::Text(values) => column.typed::<ByteArrayType>().write_batch(values, there, None),
                Values::Number(values) => column.typed::<Int64Type>().write_batch(values, there, None),
                Values::Float(values) => column.typed::<DoubleType>().write_batch(values, there, None),
            }
            .map_err(Error::other)?;
            column.close().map_err(Error::other)?;
            held.there.clear();
            match &mut held.values {
                Values::Text(values) => values.clear(),
                Values::Number(values) => values.clear(),
                Values::Float(values) => values.clear(),
            }
        }
        group.close().map(drop).map_err(Error::other)
    }

    /// The groups that are written. The writer counts bytes by itself, so that they may be gone.
    pub(super) fn take(&mut self) -> Vec<u8> {
        // what the writer still buffers comes later
        std::mem::take(self.writer.inner_mut())
    }

    pub(super) fn finish(mut self: Box<Self>) -> Result<Vec<u8>> {
        if self.rows > 0 {
            self.group()?;
        }
        self.writer.into_inner().map_err(Error::other)
    }
}
