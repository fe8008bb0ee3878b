//! From a mixed table to the numbers that learners work on.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use serde::{Deserialize, Serialize};

use crate::{
    Error,
    frame::{Column, Frame},
    model::Table,
};

/// Rows a level needs to have a column of its own; rarer ones share one.
const RARE: usize = 5;
/// Levels with a column of their own, at most.
const LEVELS: usize = 50;
/// Levels above which a column is refused: it names the subjects instead of describing them.
const MOST_LEVELS: usize = 1_000;

/// Why a column does not enter a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The column.
    pub column: String,
    /// What is wrong with it, in words.
    pub why: String,
}

/// How one column of a mixed table becomes columns of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Code {
    /// The number itself; with a second column that says whether it is missing.
    Number { missing: bool },
    /// One column for each of these levels, the last one for all others and for none.
    Levels { levels: Vec<String> },
}

/// How a mixed table becomes numbers, as learned on the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    names: Vec<String>,
    codes: Vec<Code>,
}

impl Encoder {
    /// Learns the levels; columns that say nothing are left out and told.
    ///
    /// # Errors
    /// [`Error::Invalid`] when no column is left.
    pub fn fit(frame: &Frame) -> Result<(Self, Vec<Refused>), Error> {
        let (mut names, mut codes, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut twins = Twins::default();
        for (name, column) in frame.names().iter().zip(frame.columns()) {
            // what two columns say alike would be told twice, each with half of its weight
            let code = code(column).and_then(|code| match twins.of(name, column) {
                Some(twin) => Err(format!("every value is that of {twin}")),
                None => Ok(code),
            });
            match code {
                Ok(code) => {
                    names.push(name.clone());
                    codes.push(code);
                }
                Err(why) => refused.push(Refused { column: name.clone(), why }),
            }
        }
        if names.is_empty() {
            let told: Vec<String> = refused.iter().map(|r| format!("{}: {}", r.column, r.why)).collect();
            return Err(Error::invalid("columns", format!("none can be learned from; {}", told.join("; "))));
        }
        Ok((Self { names, codes }, refused))
    }

    /// Hands numbers on as they are.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a column of texts, or no column at all.
    pub fn plain(frame: &Frame) -> Result<Self, Error> {
        let pairs = frame.names().iter().zip(frame.columns());
        if let Some((name, _)) = pairs.clone().find(|(_, column)| matches!(column, Column::Category { .. })) {
            return Err(Error::invalid("columns", format!("{name} holds texts; numbers are accepted")));
        }
        if frame.names().is_empty() {
            return Err(Error::invalid("columns", "none is left"));
        }
        Ok(Self {
            names: frame.names().to_vec(),
            codes: pairs.map(|_| Code::Number { missing: false }).collect(),
        })
    }

    /// The columns it reads, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// For each column of [`Self::table`], the place in [`Self::names`] it comes from.
    #[must_use]
    pub fn origins(&self) -> Vec<usize> {
        let wide = |code: &Code| match code {
            Code::Number { missing } => 1 + usize::from(*missing),
            Code::Levels { levels } => levels.len() + 1,
        };
        self.codes.iter().enumerate().flat_map(|(at, code)| std::iter::repeat_n(at, wide(code))).collect()
    }

    /// The numbers of a table with the same columns; levels not seen in training count as others.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a column that is absent or of another kind.
    pub fn table(&self, frame: &Frame) -> Result<Table, Error> {
        let mut data = Vec::with_capacity(self.names.len() * frame.rows());
        for (name, code) in self.names.iter().zip(&self.codes) {
            let column = frame.column(name).ok_or_else(|| {
                Error::invalid("columns", format!("{name} is absent; the model was trained with it"))
            })?;
            write(&mut data, name, code, column)?;
        }
        Table::from_columns(frame.rows(), data)
    }
}

fn write(data: &mut Vec<f64>, name: &str, code: &Code, column: &Column) -> Result<(), Error> {
    match (code, column) {
        (Code::Number { missing }, Column::Number(values)) => {
            data.extend_from_slice(values);
            if *missing {
                data.extend(values.iter().map(|v| f64::from(u8::from(v.is_nan()))));
            }
            Ok(())
        }
        (Code::Levels { levels }, Column::Category { codes, levels: present }) => {
            let place: HashMap<&str, usize> =
                levels.iter().enumerate().map(|(at, level)| (level.as_str(), at)).collect();
            let places: Vec<usize> = present
                .iter()
                .map(|level| place.get(level.as_str()).copied().unwrap_or(levels.len()))
                .collect();
            let rows = codes.len();
            let start = data.len();
            data.resize(start + rows * (levels.len() + 1), 0.0);
            for (row, &code) in codes.iter().enumerate() {
                let at = places.get(code as usize).copied().unwrap_or(levels.len());
                data[start + at * rows + row] = 1.0;
            }
            Ok(())
        }
        (Code::Number { .. }, _) => {
            Err(Error::invalid("columns", format!("{name} holds texts; the model was trained with numbers")))
        }
        (Code::Levels { .. }, _) => {
            Err(Error::invalid("columns", format!("{name} holds numbers; the model was trained with texts")))
        }
    }
}

/// Columns of numbers that were looked at, by a hash of their values.
#[derive(Default)]
struct Twins<'f>(HashMap<u64, Vec<(&'f str, &'f [f64])>>);

impl<'f> Twins<'f> {
    /// The column of before that has the same values in every row; without one, this one is kept.
    fn of(&mut self, name: &'f str, column: &'f Column) -> Option<&'f str> {
        let Column::Number(values) = column else { return None };
        // zeros of both signs, and all that is missing, are alike
        let bits = |value: &f64| if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() };
        let mut hash = DefaultHasher::new();
        values.iter().for_each(|value| bits(value).hash(&mut hash));
        let known = self.0.entry(hash.finish()).or_default();
        let twin = known.iter().find(|(_, of)| of.iter().map(bits).eq(values.iter().map(bits)));
        let twin = twin.map(|(name, _)| *name);
        if twin.is_none() {
            known.push((name, values));
        }
        twin
    }
}

fn code(column: &Column) -> Result<Code, String> {
    match column {
        Column::Number(values) => {
            let known = || values.iter().copied().filter(|v| !v.is_nan());
            let first = known().next().ok_or("every value is missing")?;
            let missing = values.iter().any(|v| v.is_nan());
            if !missing && known().all(|v| v == first) {
                return Err(format!("every value is {first}"));
            }
            Ok(Code::Number { missing })
        }
        Column::Category { codes, levels } => {
            let mut rows = vec![0_usize; levels.len()];
            for &code in codes {
                if let Some(n) = rows.get_mut(code as usize) {
                    *n += 1;
                }
            }
            let seen = rows.iter().filter(|&&n| n > 0).count();
            if seen == 0 {
                return Err("every value is missing".to_owned());
            }
            if seen > MOST_LEVELS {
                return Err(format!("{seen} different texts; at most {MOST_LEVELS} are accepted"));
            }
            if rows.contains(&codes.len()) {
                return Err("every value is the same".to_owned());
            }
            let mut kept: Vec<(usize, &String)> =
                rows.iter().copied().zip(levels).filter(|(n, _)| *n >= RARE).collect();
            // the commonest, and among equals the first by name, so that the order of rows is of no matter
            kept.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
            kept.truncate(LEVELS);
            if kept.is_empty() {
                return Err(format!("no text stands in {RARE} rows"));
            }
            Ok(Code::Levels { levels: kept.into_iter().map(|(_, level)| level.clone()).collect() })
        }
    }
}
