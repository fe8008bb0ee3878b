//! What is known of a subject as it arrives: events and attributes by name, values as texts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Surroundings;
use crate::{
    Error,
    features::{AttributeSet, Event, Kind, Schema, Subject, Value},
    frame::{date, texts},
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct RawEvent {
    /// When it became known, microseconds UTC.
    pub time: i64,
    /// Its kind, in the singular: `order`.
    pub kind: String,
    /// Money in minor units; NaN for none.
    pub amount: f64,
    /// Quantity; NaN for none.
    pub quantity: f64,
}

/// An attribute that got a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAttribute {
    /// When this became known, microseconds UTC.
    pub known: i64,
    /// Its name, as the source writes it.
    pub name: String,
    /// Its value; empty when it was taken away.
    pub value: String,
    /// Whether it is the first value that was told. It is taken to have held since the subject's first
    /// event: systems tell what is, not since when. What was filled only after the outcome is what the
    /// guard against leaks looks for.
    pub first: bool,
}

/// All that is known of a subject.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Raw {
    /// In any order.
    pub events: Vec<RawEvent>,
    /// In any order.
    pub attributes: Vec<RawAttribute>,
    /// Id of its region among those of the [`Surroundings`](super::Surroundings).
    pub region: Option<u32>,
    /// From when on it is there, microseconds UTC; nothing is asked of it before. None: since the first that
    /// is known of it.
    pub begun: Option<i64>,
}

impl Raw {
    /// Adds what is known of what it belongs to, under names that begin with `prefix`.
    pub fn belongs_to(&mut self, prefix: &str, of: &Self) {
        let event = |event: &RawEvent| RawEvent { kind: format!("{prefix}{}", event.kind), ..event.clone() };
        self.events.extend(of.events.iter().map(event));
        let attribute = |(set, known): (&RawAttribute, i64)| RawAttribute {
            known,
            name: format!("{prefix}{}", set.name),
            value: set.value.clone(),
            // it is not this subject's beginning that its first value goes back to
            first: false,
        };
        self.attributes.extend(of.known().map(attribute));
    }

    /// Its attributes, each with the moment from which on it is taken to be known.
    fn known(&self) -> impl Iterator<Item = (&RawAttribute, i64)> {
        let begun = self.begun.or_else(|| self.events.iter().map(|event| event.time).min());
        let known =
            move |of: &RawAttribute| begun.filter(|_| of.first).map_or(of.known, |begun| begun.min(of.known));
        self.attributes.iter().map(move |of| (of, known(of)))
    }
}

/// A name that a condition can speak of: what is no letter or digit becomes `_`.
fn identifier(name: &str) -> String {
    name.trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect()
}

/// What the values of an attribute may be.
#[derive(Debug, Clone, Copy)]
struct MayBe {
    number: bool,
    bool: bool,
    date: bool,
}

/// Which kinds of events and which attributes there are. An attribute is a truth value, a date or a
/// number if all its values can be read as one, else a text.
#[derive(Debug, Default)]
pub struct Survey {
    kinds: BTreeSet<String>,
    attributes: BTreeMap<String, MayBe>,
    series: BTreeSet<String>,
}

impl Survey {
    /// Looks at what is measured of regions.
    pub fn surroundings(&mut self, of: &Surroundings, cutoff: i64) {
        self.series.extend(of.series(cutoff).into_iter().map(str::to_owned));
    }

    /// Looks at what was known of a subject before a cutoff, microseconds UTC: that there is a kind of
    /// event, and what the values of an attribute are, may itself tell what came later.
    pub fn add(&mut self, raw: &Raw, cutoff: i64) {
        if raw.begun.is_some_and(|begun| begun >= cutoff) {
            return;
        }
        for event in raw.events.iter().filter(|event| event.time < cutoff) {
            if !self.kinds.contains(&event.kind) {
                self.kinds.insert(event.kind.clone());
            }
        }
        let known = raw.known().filter(|(set, known)| *known < cutoff && !set.value.is_empty());
        for (set, _) in known {
            let may = self.attributes.entry(identifier(&set.name)).or_insert(MayBe {
                number: true,
                bool: true,
                date: true,
            });
            may.number = may.number && number(&set.value).is_some();
            may.bool = may.bool && truth(&set.value).is_some();
            may.date = may.date && date::microseconds(&set.value).is_some();
        }
    }

    /// What was found, by name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more names than ids.
    pub fn schema(&self) -> Result<Schema, Error> {
        let mut schema = Schema::default();
        for kind in &self.kinds {
            schema.kind(kind)?;
        }
        for (name, may) in &self.attributes {
            let kind = match may {
                MayBe { bool: true, .. } => Kind::Bool,
                MayBe { date: true, .. } => Kind::Date,
                MayBe { number: true, .. } => Kind::Number,
                _ => Kind::Text,
            };
            schema.attribute(name, kind)?;
        }
        for name in &self.series {
            schema.series(name)?;
        }
        Ok(schema)
    }
}

fn number(text: &str) -> Option<f64> {
    texts::number(text).filter(|value| value.is_finite())
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

/// Turns what arrived into the streams of a schema: names that it does not know are left out, a value
/// that is not of its kind counts as none.
#[derive(Debug)]
pub struct Reader {
    kinds: HashMap<String, u16>,
    attributes: HashMap<String, (u16, Kind)>,
}

impl Reader {
    /// For a schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let kinds = schema.kinds().iter().cloned().zip(0..).collect();
        let attributes = schema.attributes().iter().zip(0..);
        Self { kinds, attributes: attributes.map(|(of, at)| (of.name.clone(), (at, of.kind))).collect() }
    }

    /// The streams of a subject.
    ///
    /// # Errors
    /// As of [`Subject::new`].
    pub fn read(&self, raw: &Raw) -> Result<Subject, Error> {
        let event = |from: &RawEvent| {
            let &kind = self.kinds.get(&from.kind)?;
            Some(Event { time: from.time, kind, person: None, amount: from.amount, quantity: from.quantity })
        };
        let attribute = |(from, known): (&RawAttribute, i64)| {
            let &(attribute, kind) = self.attributes.get(&identifier(&from.name))?;
            let value = match kind {
                Kind::Number => number(&from.value).map(Value::Number),
                Kind::Bool => truth(&from.value).map(Value::Bool),
                Kind::Date => date::microseconds(&from.value).map(Value::Date),
                Kind::Text => Some(Value::Text(from.value.clone())),
            };
            Some(AttributeSet { known, attribute, value: value.unwrap_or(Value::Absent) })
        };
        let subject = Subject::new(
            raw.region,
            raw.events.iter().filter_map(event).collect(),
            raw.known().filter_map(attribute).collect(),
        )?;
        Ok(match raw.begun {
            Some(begun) => subject.since(begun),
            None => subject,
        })
    }
}
