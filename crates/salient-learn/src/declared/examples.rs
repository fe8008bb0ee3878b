//! Examples, gathered in one pass over the subjects.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::Reading;
use crate::{
    Error,
    features::{Exogenous, Kind, RowKey, Subject},
    frame::{Column, Frame, Growing, MISSING},
    tabular::Asked,
};

/// Subjects that have a text in common before anything is learned of it.
const SHARED: usize = 5;

/// What is gathered at one cutoff.
struct Part {
    cutoff: i64,
    keys: Vec<RowKey>,
    columns: Vec<Growing>,
    labels: Vec<f64>,
}

/// Rows under way, in the order of cutoffs.
pub struct Examples<'r> {
    reading: &'r Reading,
    exogenous: &'r Exogenous,
    known: bool,
    parts: Vec<Part>,
}

/// Rows in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered {
    /// Features, a row for each subject and cutoff.
    pub frame: Frame,
    /// What each row is about.
    pub keys: Vec<RowKey>,
    /// 1 where the target came true, 0 where not; empty where it is not known yet.
    pub labels: Vec<f64>,
    /// When each row was asked about, and when its outcome was known.
    pub asked: Vec<Asked>,
}

impl<'r> Examples<'r> {
    /// Of subjects at these cutoffs (microseconds UTC), whose outcomes are all known: the horizon from the last
    /// one is over. `exogenous` is what was measured of their regions.
    #[must_use]
    pub fn known(reading: &'r Reading, exogenous: &'r Exogenous, cutoffs: &[i64]) -> Self {
        Self::at(reading, exogenous, cutoffs, true)
    }

    /// Of subjects at a cutoff whose outcomes are still to come.
    #[must_use]
    pub fn open(reading: &'r Reading, exogenous: &'r Exogenous, cutoff: i64) -> Self {
        Self::at(reading, exogenous, &[cutoff], false)
    }

    fn at(reading: &'r Reading, exogenous: &'r Exogenous, cutoffs: &[i64], known: bool) -> Self {
        let mut cutoffs = cutoffs.to_vec();
        cutoffs.sort_unstable();
        let growing = |(_, kind): (&str, Kind)| match kind {
            Kind::Text => Growing::category(),
            _ => Growing::number(),
        };
        let part = |cutoff| Part {
            cutoff,
            keys: Vec::new(),
            columns: reading.features().map(growing).collect(),
            labels: Vec::new(),
        };
        Self { reading, exogenous, known, parts: cutoffs.into_iter().map(part).collect() }
    }

    /// Whether the outcomes are still to come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.known
    }

    /// Looks at a subject at every cutoff.
    ///
    /// # Errors
    /// As of [`crate::features::Plan::rows`].
    pub fn add(&mut self, id: u32, subject: &Subject) -> Result<(), Error> {
        for part in &mut self.parts {
            let Some(cells) = self.reading.row((id, subject), self.exogenous, part.cutoff)? else { continue };
            part.keys.push(RowKey { subject: id, cutoff: part.cutoff });
            part.columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
            if self.known {
                let yes = self.reading.came_true((id, subject), self.exogenous, part.cutoff)?;
                part.labels.push(f64::from(u8::from(yes)));
            }
        }
        Ok(())
    }

    /// All rows.
    ///
    /// # Errors
    /// [`Error::Invalid`] for sums that are too great to be held.
    pub fn finish(self) -> Result<Gathered, Error> {
        let names: Vec<String> = self.reading.features().map(|(name, _)| name.to_owned()).collect();
        let horizon = self.reading.horizon();
        let (mut frames, mut keys, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for part in self.parts {
            let columns = part.columns.into_iter().map(Growing::finish).collect();
            frames.push(Frame::new(names.clone(), columns)?);
            keys.extend(part.keys);
            labels.extend(part.labels);
        }
        let frame = Frame::stack(&frames.iter().collect::<Vec<_>>())?;
        let asked = keys.iter().map(|key| Asked { at: key.cutoff, known: key.cutoff + horizon }).collect();
        Ok(Gathered { frame, keys, labels, asked })
    }
}

impl Gathered {
    /// The same, without texts that name somebody: a text that fewer than [`SHARED`] subjects have in a
    /// column counts as missing. A version keeps the texts that it learned from, and must not keep a
    /// person's name in them.
    ///
    /// # Errors
    /// As of [`Frame::new`].
    pub fn without_names(&self) -> Result<Self, Error> {
        let column = |column: &Column| match column {
            Column::Number(_) => column.clone(),
            Column::Category { codes, levels } => {
                let mut having = vec![BTreeSet::new(); levels.len()];
                for (&code, key) in codes.iter().zip(&self.keys) {
                    if let Some(having) = having.get_mut(code as usize) {
                        having.insert(key.subject);
                    }
                }
                let mut kept = Vec::new();
                let place: Vec<u32> = having
                    .iter()
                    .zip(levels)
                    .map(|(having, level)| {
                        if having.len() < SHARED {
                            return MISSING;
                        }
                        kept.push(level.clone());
                        kept.len() as u32 - 1
                    })
                    .collect();
                let code = |&code: &u32| place.get(code as usize).copied().unwrap_or(MISSING);
                Column::Category { codes: codes.iter().map(code).collect(), levels: kept }
            }
        };
        let columns = self.frame.columns().iter().map(column).collect();
        Ok(Self { frame: Frame::new(self.frame.names().to_vec(), columns)?, ..self.clone() })
    }

    /// The rows of all, in the order of time.
    ///
    /// # Errors
    /// [`Error::Invalid`] for rows of several questions.
    pub fn join(parts: &[Self]) -> Result<Self, Error> {
        let frame = Frame::stack(&parts.iter().map(|part| &part.frame).collect::<Vec<_>>())?;
        let keys: Vec<RowKey> = parts.iter().flat_map(|part| part.keys.iter().copied()).collect();
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|&row| keys[row].cutoff);
        let all = Self {
            frame,
            keys,
            labels: parts.iter().flat_map(|part| part.labels.iter().copied()).collect(),
            asked: parts.iter().flat_map(|part| part.asked.iter().copied()).collect(),
        };
        all.select(&order)
    }

    /// These rows, in this order.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a row past the end.
    pub fn select(&self, rows: &[usize]) -> Result<Self, Error> {
        let frame = self.frame.select(rows)?;
        Ok(Self {
            frame,
            keys: rows.iter().map(|&row| self.keys[row]).collect(),
            labels: rows.iter().filter_map(|&row| self.labels.get(row).copied()).collect(),
            asked: rows.iter().map(|&row| self.asked[row]).collect(),
        })
    }

    /// SHA-256 of keys, features and labels, hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for key in &self.keys {
            hash.update(key.subject.to_le_bytes());
            hash.update(key.cutoff.to_le_bytes());
        }
        for (name, column) in self.frame.names().iter().zip(self.frame.columns()) {
            hash.update(name.as_bytes());
            match column {
                Column::Number(values) => {
                    values.iter().for_each(|value| hash.update(value.to_bits().to_le_bytes()));
                }
                Column::Category { codes, levels } => codes.iter().for_each(|&code| {
                    let level = levels.get(code as usize).map_or("", String::as_str);
                    hash.update([u8::from(code == MISSING)]);
                    hash.update(level.len().to_le_bytes());
                    hash.update(level.as_bytes());
                }),
            }
        }
        self.labels.iter().for_each(|label| hash.update(label.to_bits().to_le_bytes()));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
