//! Files joined to a table by a key, held in memory.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use csv::ByteRecord;

use super::error::{Error, Refusal, Result};
use super::keys::Keys;
use super::rows::{self, Options, Progress};

/// A joined file: its rows by their key.
#[derive(Debug)]
pub(crate) struct JoinedFile {
    file: Arc<str>,
    keys: Keys,
    records: Vec<ByteRecord>,
}

impl JoinedFile {
    /// Reads a file whose rows are named by a column. A key that is there twice would make the
    /// join a guess, so such a file is refused.
    pub(crate) fn read(path: &Path, columns: &[String], key: &str, progress: &Progress) -> Result<Self> {
        let place = columns.iter().position(|column| column == key).ok_or_else(|| Error::Column {
            path: path.to_owned(),
            problem: format!("column {key:?} is missing"),
            found: columns.to_vec(),
        })?;
        let (mut keys, mut records, mut problem) = (Keys::default(), Vec::new(), None);
        let end = rows::for_each(path, &Options::default(), progress, &mut |row| {
            let text = row.cells.get(place).unwrap_or_default();
            if row.broken.is_some() || row.cells.len() != columns.len() {
                problem = Some(format!("line {}: {} columns instead of {}", row.line, row.cells.len(), columns.len()));
            } else if !keys.number(text).1 {
                problem = Some(format!("line {}: {key} {:?} is there twice", row.line, String::from_utf8_lossy(text)));
            } else {
                records.push(row.cells.clone());
                return ControlFlow::Continue(());
            }
            ControlFlow::Break(())
        })?;
        match problem.or(end.damage.map(|(line, problem)| format!("after line {line}: {problem}"))) {
            Some(problem) => Err(Error::unreadable(path, problem)),
            None => Ok(Self { file: super::plan::file_name(path), keys, records }),
        }
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
