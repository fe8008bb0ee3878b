//! One row for each subject and cutoff, in one pass over the subjects.

use std::borrow::Borrow;

use crate::{
    Error,
    features::{
        check_time, days,
        exogenous::Exogenous,
        plan::{Plan, Source},
        state::{Kind, Seen, Subject, Value},
        tally::Tallies,
    },
    frame::{Frame, Growing, MISSING},
};

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// Dense id of the subject.
    pub subject: u32,
    /// The cutoff, microseconds UTC.
    pub cutoff: i64,
}

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// A number; NaN = missing.
    Number(f64),
    /// A category.
    Text(Option<&'a str>),
}

/// The values of one subject at one cutoff, in the order of [`Plan::names`].
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// What it is about.
    pub key: RowKey,
    /// Its values.
    pub cells: Vec<Cell<'a>>,
}

impl Plan {
    /// The rows of one subject: one for each cutoff before which anything was known of it. It
    /// depends on nothing else, so subjects can be shared out among threads; the frames of the
    /// parts are joined by [`Frame::stack`].
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cutoff outside the years 1 to 9999, and for events and attributes
    /// before it that the schema does not know.
    pub fn rows<'s>(
        &self,
        id: u32,
        subject: &'s Subject,
        cutoffs: &[i64],
        exogenous: &Exogenous,
    ) -> Result<Vec<Row<'s>>, Error> {
        let mut rows = Vec::with_capacity(cutoffs.len());
        for &cutoff in cutoffs {
            check_time("cutoff", cutoff)?;
            let seen = subject.before(cutoff);
            if !seen.is_empty() {
                let key = RowKey { subject: id, cutoff };
                rows.push(Row { key, cells: self.cells(id, &seen, exogenous)? });
            }
        }
        Ok(rows)
    }

    /// The rows of all subjects, in the order in which they come and, within one, of the cutoffs.
    /// One subject is looked at a time; besides it only the result is held.
    ///
    /// # Errors
    /// As [`Self::rows`], and [`Error::Invalid`] for a sum that is too great to be held.
    pub fn build<S: Borrow<Subject>>(
        &self,
        subjects: impl IntoIterator<Item = (u32, S)>,
        cutoffs: &[i64],
        exogenous: &Exogenous,
    ) -> Result<(Frame, Vec<RowKey>), Error> {
        let mut keys = Vec::new();
        let mut columns: Vec<Growing> = self.features.iter().map(|f| growing(&f.source)).collect();
        for (id, subject) in subjects {
            for row in self.rows(id, subject.borrow(), cutoffs, exogenous)? {
                keys.push(row.key);
                columns.iter_mut().zip(row.cells).for_each(|(column, cell)| column.push(cell));
            }
        }
        let names = self.names().map(str::to_owned).collect();
        Ok((Frame::new(names, columns.into_iter().map(Growing::finish).collect())?, keys))
    }

    fn cells<'s>(&self, id: u32, seen: &Seen<'s>, exogenous: &Exogenous) -> Result<Vec<Cell<'s>>, Error> {
        let tallies = self.tallies(id, seen)?;
        let known = self.known(id, seen)?;
        let series = |id, cutoff| {
            seen.region().and_then(|region| exogenous.as_of(region, id, cutoff)).unwrap_or(f64::NAN)
        };
        let cutoff = seen.cutoff();
        let cell = |source: &Source| match *source {
            Source::Events { aggregate, slot, window } => {
                Cell::Number(tallies.value(aggregate, slot, window))
            }
            Source::Attribute { id, kind } => attribute(kind, known.get(usize::from(id)), cutoff),
            Source::Series { id, change: None } => Cell::Number(series(id, cutoff)),
            Source::Series { id, change: Some(by) } => {
                Cell::Number(series(id, cutoff) - series(id, cutoff - by))
            }
        };
        Ok(self.features.iter().map(|feature| cell(&feature.source)).collect())
    }

    fn tallies(&self, id: u32, seen: &Seen<'_>) -> Result<Tallies<'_>, Error> {
        let counted = self.slots.iter().flatten().count();
        let mut tallies = Tallies::new(seen.cutoff(), &self.windows, counted);
        for event in seen.events() {
            match self.slots.get(usize::from(event.kind)) {
                Some(Some(slot)) => tallies.add(*slot, event),
                Some(None) => {}
                None => {
                    let why = format!(
                        "{} of subject {id}; ids below {} are accepted",
                        event.kind,
                        self.slots.len()
                    );
                    return Err(Error::invalid("kind", why));
                }
            }
        }
        tallies.close();
        Ok(tallies)
    }

    /// For each attribute the value that became known last.
    fn known<'s>(&self, id: u32, seen: &Seen<'s>) -> Result<Vec<&'s Value>, Error> {
        let attributes = self.schema.attributes();
        let mut known = vec![&Value::Absent; attributes.len()];
        for set in seen.attributes() {
            let at = usize::from(set.attribute);
            let (Some(place), Some(attribute)) = (known.get_mut(at), attributes.get(at)) else {
                let why = format!("{at} of subject {id}; ids below {} are accepted", attributes.len());
                return Err(Error::invalid("attribute", why));
            };
            if !attribute.kind.takes(&set.value) {
                let why = format!(
                    "{} of subject {id} is {:?}; {:?} is accepted",
                    attribute.name, set.value, attribute.kind
                );
                return Err(Error::invalid("attribute", why));
            }
            *place = &set.value;
        }
        Ok(known)
    }
}

fn attribute<'s>(kind: Kind, value: Option<&&'s Value>, cutoff: i64) -> Cell<'s> {
    match value.copied() {
        Some(Value::Text(text)) if !text.is_empty() => Cell::Text(Some(text)),
        Some(Value::Number(number)) => Cell::Number(*number),
        Some(Value::Bool(yes)) => Cell::Number(f64::from(u8::from(*yes))),
        Some(Value::Date(at)) => Cell::Number(days(cutoff - at)),
        _ if kind == Kind::Text => Cell::Text(None),
        _ => Cell::Number(f64::NAN),
    }
}

fn growing(source: &Source) -> Growing {
    match source {
        Source::Attribute { kind: Kind::Text, .. } => Growing::category(),
        _ => Growing::number(),
    }
}

impl Growing {
    pub(crate) fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Number(values), Cell::Number(value)) => values.push(value),
            (Self::Category { codes, levels }, Cell::Text(text)) => {
                codes.push(text.map_or(MISSING, |text| levels.code(text)));
            }
            // a cell is of its column's kind: both come from the same source
            (Self::Number(values), Cell::Text(_)) => values.push(f64::NAN),
            (Self::Category { codes, .. }, Cell::Number(_)) => codes.push(MISSING),
        }
    }
}
