//! Why a score is what it is, in words that a seller would use: what spoke for it and against it,
//! with how often the outcome came true among those with the same value.

use serde::{Deserialize, Serialize};

use crate::{
    Error,
    frame::{Column, Frame},
};

/// Reasons in each direction, at most.
const MOST: usize = 5;
/// Groups that a column of numbers is cut into.
const GROUPS: usize = 5;
/// Rows a group needs before its share is told.
const LEAST: usize = 20;
/// Contributions below this many nats are no reason.
const FAINT: f64 = 0.02;

/// Share of successes among rows of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Rows.
    pub rows: usize,
    /// Of them, those that came true.
    pub yes: usize,
}

impl Share {
    /// The share; 0 without rows.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.yes as f64 / (self.rows as f64).max(1.0)
    }

    fn add(&mut self, label: f64) {
        self.rows += 1;
        self.yes += usize::from(label > 0.5);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shares {
    /// Upper ends of all groups but the last, ascending; one share more than ends, and one for missing.
    Number { ends: Vec<f64>, share: Vec<Share>, missing: Share },
    /// By text, sorted, and one for missing.
    Text { levels: Vec<String>, share: Vec<Share>, missing: Share },
}

/// How often the outcome came true in training, by the value of each column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaseRates {
    /// Over all rows.
    pub all: Share,
    names: Vec<String>,
    shares: Vec<Shares>,
}

/// A value as it stands in a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Not known.
    Missing,
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// What one column says about one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The column.
    pub column: String,
    /// Its value.
    pub value: Value,
    /// What it adds to the log-odds.
    pub log_odds: f64,
    /// Those with the same value, or with a number in the same group; absent below 20.
    pub same: Option<Share>,
    /// From (excluded) and to (included) of that group of numbers; an end that is absent is open.
    pub group: Option<(Option<f64>, Option<f64>)>,
    /// All.
    pub all: Share,
}

impl BaseRates {
    /// Counts; `labels` are 0 or 1, one a row.
    #[must_use]
    pub fn of(frame: &Frame, labels: &[f64]) -> Self {
        let mut all = Share { rows: 0, yes: 0 };
        labels.iter().for_each(|&label| all.add(label));
        let shares = frame.columns().iter().map(|column| Shares::of(column, labels)).collect();
        Self { all, names: frame.names().to_vec(), shares }
    }

    /// The reasons of one row, the strongest first: at most five for and five against.
    /// `contributions` are log-odds by column, in the order of the table.
    ///
    /// # Errors
    /// [`Error::Invalid`] if they do not fit the columns, or the table lacks one.
    pub fn reasons(&self, frame: &Frame, row: usize, contributions: &[f64]) -> Result<Vec<Reason>, Error> {
        if contributions.len() != self.names.len() {
            return Err(Error::invalid("contributions", "one for each column that was counted is accepted"));
        }
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.retain(|&at| contributions[at].abs() >= FAINT);
        order.sort_by(|&a, &b| contributions[b].abs().total_cmp(&contributions[a].abs()).then(a.cmp(&b)));
        let mut left = [MOST; 2];
        order.retain(|&at| {
            let left = &mut left[usize::from(contributions[at] > 0.0)];
            let keep = *left > 0;
            *left = left.saturating_sub(1);
            keep
        });
        order.into_iter().map(|at| self.reason(frame, row, at, contributions[at])).collect()
    }

    fn reason(&self, frame: &Frame, row: usize, at: usize, log_odds: f64) -> Result<Reason, Error> {
        let name = &self.names[at];
        let column = frame.column(name);
        let value = value(column.ok_or_else(|| Error::invalid("columns", format!("{name} is absent")))?, row);
        let (same, group) = self.shares[at].same(&value);
        Ok(Reason {
            column: name.clone(),
            value,
            log_odds,
            same: same.filter(|share| share.rows >= LEAST),
            group,
            all: self.all,
        })
    }
}

fn value(column: &Column, row: usize) -> Value {
    match column {
        Column::Number(values) if values[row].is_nan() => Value::Missing,
        Column::Number(values) => Value::Number(values[row]),
        Column::Category { codes, levels } => {
            levels.get(codes[row] as usize).map_or(Value::Missing, |level| Value::Text(level.clone()))
        }
    }
}

type Group = (Option<f64>, Option<f64>);

impl Shares {
    fn of(column: &Column, labels: &[f64]) -> Self {
        let mut missing = Share { rows: 0, yes: 0 };
        match column {
            Column::Number(values) => {
                let ends = ends(values);
                let mut share = vec![Share { rows: 0, yes: 0 }; ends.len() + 1];
                for (&value, &label) in values.iter().zip(labels) {
                    let into = if value.is_nan() {
                        &mut missing
                    } else {
                        &mut share[ends.partition_point(|&end| end < value)]
                    };
                    into.add(label);
                }
                Self::Number { ends, share, missing }
            }
            Column::Category { codes, levels } => {
                let mut share = vec![Share { rows: 0, yes: 0 }; levels.len()];
                for (&code, &label) in codes.iter().zip(labels) {
                    share.get_mut(code as usize).unwrap_or(&mut missing).add(label);
                }
                let mut sorted: Vec<(String, Share)> = levels.iter().cloned().zip(share).collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                let (levels, share) = sorted.into_iter().unzip();
                Self::Text { levels, share, missing }
            }
        }
    }

    fn same(&self, value: &Value) -> (Option<Share>, Option<Group>) {
        match (self, value) {
            (Self::Number { missing, .. } | Self::Text { missing, .. }, Value::Missing) => {
                (Some(*missing), None)
            }
            (Self::Number { ends, share, .. }, Value::Number(value)) => {
                let at = ends.partition_point(|end| end < value);
                let from = at.checked_sub(1).map(|below| ends[below]);
                (Some(share[at]), Some((from, ends.get(at).copied())))
            }
            (Self::Text { levels, share, .. }, Value::Text(text)) => {
                (levels.binary_search(text).ok().map(|at| share[at]), None)
            }
            _ => (None, None),
        }
    }
}

/// Where to cut: at the quintiles of the known values, each once.
fn ends(values: &[f64]) -> Vec<f64> {
    let mut known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    let Some(&last) = known.last() else { return Vec::new() };
    let mut ends: Vec<f64> =
        (1..GROUPS).map(|k| known[(known.len() * k / GROUPS).min(known.len() - 1)]).collect();
    ends.dedup();
    ends.retain(|&end| end < last);
    ends
}

/// How a tenant speaks of what a model predicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// The subjects, in the plural: "leads".
    pub subjects: String,
    /// What they did when it came true: "became customers".
    pub outcome: String,
}

impl Reason {
    /// The reason in words: "64 % of leads with source = web became customers, 41 % overall".
    #[must_use]
    pub fn words(&self, wording: &Wording) -> String {
        let column = self.column.replace('_', " ");
        let what = match (&self.value, self.group) {
            (Value::Missing, _) => format!("{column} not known"),
            (Value::Text(text), _) => format!("{column} = {text}"),
            (Value::Number(_), Some((Some(from), Some(to)))) => {
                format!("{column} over {} up to {}", number(from), number(to))
            }
            (Value::Number(_), Some((Some(from), None))) => format!("{column} over {}", number(from)),
            (Value::Number(_), Some((None, Some(to)))) => format!("{column} up to {}", number(to)),
            (Value::Number(value), _) => format!("{column} = {}", number(*value)),
        };
        match self.same {
            Some(same) => format!(
                "{:.0} % of {} with {what} {}, {:.0} % overall",
                100.0 * same.value(),
                wording.subjects,
                wording.outcome,
                100.0 * self.all.value()
            ),
            None => what,
        }
    }
}

/// At most three digits that matter.
fn number(value: f64) -> String {
    if value == value.trunc() || value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
