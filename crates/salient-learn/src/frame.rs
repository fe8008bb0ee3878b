//! A table of numbers and categories side by side, which learners are fed from.
//!
//! A missing number is NaN, a missing category [`MISSING`]; infinities never enter. What is read
//! from texts finds its kinds by itself ([`Frame::from_texts`]).
//!
//! Frames of parts made apart are joined by [`Frame::stack`], which unites their levels; codes
//! mean something within their own frame only.

pub(crate) mod date;
pub(crate) mod texts;

pub use texts::Reading;

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::Error;

/// The code of a missing category.
pub const MISSING: u32 = u32::MAX;

/// One column of a [`Frame`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// Numbers; NaN = missing.
    Number(#[serde(with = "nullable")] Vec<f64>),
    /// One of a set of texts.
    Category {
        /// For each row its place in `levels`; [`MISSING`] = missing.
        codes: Vec<u32>,
        /// The texts, each once; one that no row has may stand here too.
        levels: Vec<String>,
    },
}

/// Equal values in equal places; missing equals missing, which plain NaN would not.
impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
            }
            (Self::Category { codes: a, levels: x }, Self::Category { codes: b, levels: y }) => {
                a == b && x == y
            }
            _ => false,
        }
    }
}

impl Column {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Number(values) => values.len(),
            Self::Category { codes, .. } => codes.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check(&self, name: &str, rows: usize) -> Result<(), Error> {
        if self.len() != rows {
            let why = format!("{name} has {} rows; {rows} are accepted, as in the first column", self.len());
            return Err(Error::invalid("column", why));
        }
        match self {
            Self::Number(values) => match values.iter().position(|v| v.is_infinite()) {
                Some(row) => Err(Error::invalid(
                    "column",
                    format!("{name} is infinite in row {row}; finite numbers are accepted, NaN for missing"),
                )),
                None => Ok(()),
            },
            Self::Category { codes, levels } => check_category(name, codes, levels),
        }
    }

    fn select(&self, rows: &[usize]) -> Option<Self> {
        Some(match self {
            Self::Number(values) => {
                Self::Number(rows.iter().map(|&r| values.get(r).copied()).collect::<Option<_>>()?)
            }
            Self::Category { codes, levels } => Self::Category {
                codes: rows.iter().map(|&r| codes.get(r).copied()).collect::<Option<_>>()?,
                levels: levels.clone(),
            },
        })
    }
}

fn check_category(name: &str, codes: &[u32], levels: &[String]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    if let Some(twice) = levels.iter().find(|level| !seen.insert(level.as_str())) {
        let why = format!("{name} has the level {twice:?} twice; levels that differ are accepted");
        return Err(Error::invalid("column", why));
    }
    match codes.iter().find(|&&code| code != MISSING && code as usize >= levels.len()) {
        Some(code) => Err(Error::invalid(
            "column",
            format!(
                "{name} has the code {code}; codes below its {} levels are accepted, {MISSING} for missing",
                levels.len()
            ),
        )),
        None => Ok(()),
    }
}

/// Columns of one length under names that differ.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Frame {
    names: Vec<String>,
    columns: Vec<Column>,
    #[serde(skip_serializing)]
    rows: usize,
}

/// What is read from outside; it becomes a [`Frame`] by the same checks as any other.
#[derive(Deserialize)]
struct Unchecked {
    names: Vec<String>,
    columns: Vec<Column>,
}

impl TryFrom<Unchecked> for Frame {
    type Error = Error;

    fn try_from(of: Unchecked) -> Result<Self, Error> {
        Self::new(of.names, of.columns)
    }
}

impl Frame {
    /// From columns and their names, in the same order.
    ///
    /// # Errors
    /// [`Error::Invalid`], naming the column, for lengths that differ, a name that stands twice, a
    /// code without a level, a level that stands twice, an infinite number.
    pub fn new(names: Vec<String>, columns: Vec<Column>) -> Result<Self, Error> {
        if names.len() != columns.len() {
            let why = format!("{} for {} columns; one each is accepted", names.len(), columns.len());
            return Err(Error::invalid("names", why));
        }
        let rows = columns.first().map_or(0, Column::len);
        let mut seen = HashSet::new();
        for (name, column) in names.iter().zip(&columns) {
            if !seen.insert(name.as_str()) {
                let why = format!("{name} stands twice; names that differ are accepted");
                return Err(Error::invalid("column", why));
            }
            column.check(name, rows)?;
        }
        Ok(Self { names, columns, rows })
    }

    /// Names of the columns, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Number of rows; 0 without columns.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The column of a name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.names.iter().position(|n| n == name).and_then(|at| self.columns.get(at))
    }

    /// These rows in this order; a row may be asked for more than once. Levels stay as they are.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a row past the end.
    pub fn select(&self, rows: &[usize]) -> Result<Self, Error> {
        let columns = self.columns.iter().map(|c| c.select(rows)).collect::<Option<Vec<_>>>();
        let Some(columns) = columns else {
            let most = rows.iter().max().copied().unwrap_or(0);
            return Err(Error::invalid("rows", format!("{most}; rows below {} are accepted", self.rows)));
        };
        let rows = columns.first().map_or(0, Column::len);
        Ok(Self { names: self.names.clone(), columns, rows })
    }

    /// All columns but these.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is not there: a column left in by a slip of the pen would
    /// go unnoticed.
    pub fn drop(&self, names: &[&str]) -> Result<Self, Error> {
        if let Some(unknown) = names.iter().find(|name| self.column(name).is_none()) {
            let why = format!("{unknown} is absent; accepted are {}", self.names.join(", "));
            return Err(Error::invalid("column", why));
        }
        let kept = self.names.iter().zip(&self.columns).filter(|(name, _)| !names.contains(&name.as_str()));
        let (names, columns): (Vec<_>, Vec<_>) = kept.map(|(n, c)| (n.clone(), c.clone())).unzip();
        let rows = columns.first().map_or(0, Column::len);
        Ok(Self { names, columns, rows })
    }

    /// The rows of all, one frame after the other, in the column order of the first; levels are
    /// united in the order in which they turn up. Nothing gives an empty frame.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the column that one of them lacks, has beyond the others, or
    /// holds in another kind.
    pub fn stack(frames: &[&Self]) -> Result<Self, Error> {
        let Some((first, rest)) = frames.split_first() else { return Ok(Self::default()) };
        let lacking = |name: &String| {
            let why = format!("{name} is not in every frame; frames of the same columns are accepted");
            Error::invalid("column", why)
        };
        if let Some(more) = rest.iter().flat_map(|f| f.names()).find(|name| first.column(name).is_none()) {
            return Err(lacking(more));
        }
        let mut columns = Vec::with_capacity(first.columns.len());
        for (name, column) in first.names.iter().zip(&first.columns) {
            let mut joined = Growing::like(column);
            for frame in frames {
                joined.extend(name, frame.column(name).ok_or_else(|| lacking(name))?)?;
            }
            columns.push(joined.finish());
        }
        Self::new(first.names.clone(), columns)
    }
}

/// A column under construction.
#[derive(Debug)]
pub(crate) enum Growing {
    Number(Vec<f64>),
    Category { codes: Vec<u32>, levels: Levels },
}

impl Growing {
    pub(crate) fn number() -> Self {
        Self::Number(Vec::new())
    }

    pub(crate) fn category() -> Self {
        Self::Category { codes: Vec::new(), levels: Levels::default() }
    }

    fn like(column: &Column) -> Self {
        match column {
            Column::Number(_) => Self::number(),
            Column::Category { .. } => Self::category(),
        }
    }

    fn extend(&mut self, name: &str, part: &Column) -> Result<(), Error> {
        match (self, part) {
            (Self::Number(values), Column::Number(more)) => values.extend_from_slice(more),
            (Self::Category { codes, levels }, Column::Category { codes: more, levels: theirs }) => {
                let ours: Vec<u32> = theirs.iter().map(|text| levels.code(text)).collect();
                codes.extend(more.iter().map(|&c| ours.get(c as usize).copied().unwrap_or(MISSING)));
            }
            _ => {
                let why = format!("{name} holds numbers in one frame and texts in another; one is accepted");
                return Err(Error::invalid("column", why));
            }
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Column {
        match self {
            Self::Number(values) => Column::Number(values),
            Self::Category { codes, levels } => levels.into_column(codes),
        }
    }
}

/// Texts and their codes, handed out in the order in which they turn up.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    texts: Vec<String>,
    codes: HashMap<String, u32>,
}

impl Levels {
    pub(crate) fn code(&mut self, text: &str) -> u32 {
        if let Some(&code) = self.codes.get(text) {
            return code;
        }
        let code = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.codes.insert(text.to_owned(), code);
        code
    }

    pub(crate) fn into_column(self, codes: Vec<u32>) -> Column {
        Column::Category { codes, levels: self.texts }
    }
}

/// Missing numbers as nulls: JSON has no NaN.
mod nullable {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(|v| (!v.is_nan()).then_some(*v)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(from)?;
        Ok(values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    }
}
