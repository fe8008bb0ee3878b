//! The streams that features are made of, and the one view of them that cannot look ahead.

use serde::{Deserialize, Serialize};

use crate::{Error, features::check_time};

/// Something that happened with a subject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// When it became known, microseconds UTC.
    pub time: i64,
    /// Its kind, as handed out by [`Schema::kind`].
    pub kind: u16,
    /// Dense id of the person who took part.
    pub person: Option<u32>,
    /// Money in minor units; NaN for none.
    pub amount: f64,
    /// Quantity; NaN for none.
    pub quantity: f64,
}

/// A value that an attribute took.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// One of a set of texts; the empty one is as good as absent.
    Text(String),
    /// Yes or no.
    Bool(bool),
    /// An instant, microseconds UTC; it may lie ahead, as the end of a contract does.
    Date(i64),
    /// It was taken away.
    Absent,
}

/// An attribute that got a value.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeSet {
    /// When this became known, microseconds UTC; not since when it was so.
    pub known: i64,
    /// The attribute, as handed out by [`Schema::attribute`].
    pub attribute: u16,
    /// The value from then on.
    pub value: Value,
}

/// What kind of values an attribute takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// [`Value::Number`].
    Number,
    /// [`Value::Text`].
    Text,
    /// [`Value::Bool`].
    Bool,
    /// [`Value::Date`].
    Date,
}

impl Kind {
    pub(super) fn takes(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (_, Value::Absent)
                | (Self::Number, Value::Number(_))
                | (Self::Text, Value::Text(_))
                | (Self::Bool, Value::Bool(_))
                | (Self::Date, Value::Date(_))
        )
    }
}

/// An attribute of subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What it holds. It is told, not guessed from values, so that a feature keeps its kind when
    /// no subject has a value.
    pub kind: Kind,
}

/// Names of what the streams hold; an id is a place in its list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    kinds: Vec<String>,
    attributes: Vec<Attribute>,
    series: Vec<String>,
}

impl Schema {
    /// Id of a kind of event, named in the singular (`order`); a new one if it is new.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty name or more than 65,535 of them.
    pub fn kind(&mut self, name: &str) -> Result<u16, Error> {
        place("kind", &mut self.kinds, name, String::as_str, || name.to_owned())
    }

    /// Id of an attribute; a new one if it is new.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty name, more than 65,535 of them, or a kind other than before.
    pub fn attribute(&mut self, name: &str, kind: Kind) -> Result<u16, Error> {
        let new = || Attribute { name: name.to_owned(), kind };
        let at = place("attribute", &mut self.attributes, name, |a| a.name.as_str(), new)?;
        match self.attributes.get(usize::from(at)) {
            Some(known) if known.kind != kind => {
                let why = format!("{name} as {kind:?}; it holds {:?}, which is accepted", known.kind);
                Err(Error::invalid("attribute", why))
            }
            _ => Ok(at),
        }
    }

    /// Id of an exogenous series; a new one if it is new.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty name or more than 65,535 of them.
    pub fn series(&mut self, name: &str) -> Result<u16, Error> {
        place("series", &mut self.series, name, String::as_str, || name.to_owned())
    }

    /// Names of the kinds of events, by id.
    #[must_use]
    pub fn kinds(&self) -> &[String] {
        &self.kinds
    }

    /// The attributes, by id.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Names of the exogenous series, by id.
    #[must_use]
    pub fn series_names(&self) -> &[String] {
        &self.series
    }
}

fn place<T>(
    what: &'static str,
    list: &mut Vec<T>,
    name: &str,
    named: impl Fn(&T) -> &str,
    new: impl FnOnce() -> T,
) -> Result<u16, Error> {
    if name.trim().is_empty() {
        return Err(Error::invalid(what, "an empty name; a name with letters is accepted"));
    }
    let at = list.iter().position(|known| named(known) == name).unwrap_or(list.len());
    let id = u16::try_from(at).ok().filter(|id| *id < u16::MAX);
    let id = id.ok_or_else(|| {
        Error::invalid(what, format!("{name} is one too many; up to {} are accepted", u16::MAX))
    })?;
    if at == list.len() {
        list.push(new());
    }
    Ok(id)
}

/// All that is known of one subject, in the order in which it became known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
    region: Option<u32>,
    begun: Option<i64>,
    events: Vec<Event>,
    attributes: Vec<AttributeSet>,
}

impl Subject {
    /// Puts the streams in order of time; what came at one and the same time keeps its order.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time outside the years 1 to 9999 and for infinite numbers.
    pub fn new(
        region: Option<u32>,
        mut events: Vec<Event>,
        mut attributes: Vec<AttributeSet>,
    ) -> Result<Self, Error> {
        events.iter().try_for_each(check_event)?;
        attributes.iter().try_for_each(check_attribute)?;
        events.sort_by_key(|event| event.time);
        attributes.sort_by_key(|set| set.known);
        Ok(Self { region, begun: None, events, attributes })
    }

    /// The same, of which nothing is known up to the moment when it began to be (microseconds UTC): what it
    /// belongs to may have been known before.
    #[must_use]
    pub fn since(self, begun: i64) -> Self {
        Self { begun: Some(begun), ..self }
    }

    /// What was known at `cutoff` (microseconds UTC): events with `time < cutoff` and attributes
    /// with `known < cutoff`. There is no other way to the streams.
    #[must_use]
    pub fn before(&self, cutoff: i64) -> Seen<'_> {
        if self.begun.is_some_and(|begun| begun >= cutoff) {
            return Seen { cutoff, region: self.region, events: &[], attributes: &[] };
        }
        let (events, _) = self.events.split_at(self.events.partition_point(|e| e.time < cutoff));
        let (attributes, _) = self.attributes.split_at(self.attributes.partition_point(|a| a.known < cutoff));
        Seen { cutoff, region: self.region, events, attributes }
    }
}

fn check_event(event: &Event) -> Result<(), Error> {
    check_time("time", event.time)?;
    if event.amount.is_infinite() || event.quantity.is_infinite() {
        let (amount, quantity) = (event.amount, event.quantity);
        let why = format!("amount {amount}, quantity {quantity}; finite numbers are accepted, NaN for none");
        return Err(Error::invalid("event", why));
    }
    Ok(())
}

fn check_attribute(set: &AttributeSet) -> Result<(), Error> {
    check_time("known", set.known)?;
    match set.value {
        Value::Date(at) => check_time("date", at),
        Value::Number(number) if !number.is_finite() => {
            let why = format!("{number}; finite numbers are accepted, Absent for none");
            Err(Error::invalid("attribute", why))
        }
        _ => Ok(()),
    }
}

/// What was known of a subject at a cutoff. The only thing features may read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen<'a> {
    cutoff: i64,
    region: Option<u32>,
    events: &'a [Event],
    attributes: &'a [AttributeSet],
}

impl<'a> Seen<'a> {
    /// The cutoff, microseconds UTC.
    #[must_use]
    pub fn cutoff(&self) -> i64 {
        self.cutoff
    }

    /// Dense id of the subject's region.
    #[must_use]
    pub fn region(&self) -> Option<u32> {
        self.region
    }

    /// Events before the cutoff, ascending by time.
    #[must_use]
    pub fn events(&self) -> &'a [Event] {
        self.events
    }

    /// Attributes known before the cutoff, ascending by when.
    #[must_use]
    pub fn attributes(&self) -> &'a [AttributeSet] {
        self.attributes
    }

    /// Whether nothing was known of the subject yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.attributes.is_empty()
    }
}
