//! Files joined to a table by a key, held in memory.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use csv::ByteRecord;

use super::error::{Error, Refusal, Result};
use super::keys::Keys;
use super::plan::{file_name, shape};
use super::report::{Damage, RefusedLine, Report};
use super::rows::{self, Input, Options, Progress};

/// A joined file: its rows by their key.
#[derive(Debug)]
pub(crate) struct JoinedFile {
    file: Arc<str>,
    keys: Keys,
    records: Vec<ByteRecord>,
}

impl JoinedFile {
    /// Reads a file whose rows are named by a column. Rows that cannot be used are refused by
    /// themselves: one that is out of shape, and one whose key was there before, because taking
    /// either of two would be a guess.
    pub(crate) fn read(
        path: &Path,
        columns: &[String],
        key: &str,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<Self> {
        let place = columns.iter().position(|column| column == key).ok_or_else(|| Error::Column {
            path: path.to_owned(),
            problem: format!("column {key:?} is missing"),
            found: columns.to_vec(),
        })?;
        let file = file_name(path);
        let (mut keys, mut records) = (Keys::default(), Vec::new());
        let end = rows::for_each(&Input::at(path), &Options::default(), progress, &mut |row| {
            let text = row.cells.get(place).unwrap_or_default();
            let refusal = match shape(&row, columns.len()) {
                Some(refusal) => Some(refusal),
                None if !keys.number(text).1 => Some(*Refusal::new(
                    key,
                    text,
                    "there was a line with this key before",
                    "one line for each key",
                )),
                None => {
                    records.push(row.cells.clone());
                    None
                }
            };
            if let Some(refusal) = refusal {
                report.refuse(RefusedLine::new(&file, row.line, refusal));
            }
            ControlFlow::Continue(())
        })?;
        if let Some((after_line, problem)) = end.damage {
            report.damage.push(Damage { file: file.clone(), after_line, problem });
        }
        Ok(Self { file, keys, records })
    }

    /// The row with a key.
    pub(crate) fn find(&self, column: &str, key: &[u8]) -> std::result::Result<&ByteRecord, Box<Refusal>> {
        match self.keys.known(key) {
            Some(number) => Ok(&self.records[number as usize]),
            None => {
                let problem = format!("not found in {}", self.file);
                Err(Refusal::new(column, key, problem, format!("a key that is in {}", self.file)))
            }
        }
    }
}
