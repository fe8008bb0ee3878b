//! Random histories, kept as plain rows so that tests can cut and recount them themselves.

use std::collections::BTreeMap;

use proptest::prelude::*;
use salient_learn::{
    DAY_US,
    features::{AttributeSet, Event, Exogenous, Kind, Point, RowKey, Schema, Subject, Value},
    frame::{Column, Frame, MISSING},
};

/// The last day of a history.
pub const DAYS: i64 = 600;

#[derive(Debug, Clone)]
pub struct Raw {
    pub region: Option<u32>,
    pub events: Vec<Event>,
    pub attributes: Vec<AttributeSet>,
}

impl Raw {
    pub fn subject(&self) -> Subject {
        Subject::new(self.region, self.events.clone(), self.attributes.clone()).unwrap()
    }

    /// What was known before `cutoff`, cut by hand.
    pub fn until(&self, cutoff: i64) -> Self {
        Self {
            region: self.region,
            events: self.events.iter().filter(|e| e.time < cutoff).copied().collect(),
            attributes: self.attributes.iter().filter(|a| a.known < cutoff).cloned().collect(),
        }
    }
}

pub fn schema() -> Schema {
    let mut schema = Schema::default();
    for kind in ["order", "call", "visit"] {
        schema.kind(kind).unwrap();
    }
    for (name, kind) in
        [("size", Kind::Number), ("industry", Kind::Text), ("key", Kind::Bool), ("founded", Kind::Date)]
    {
        schema.attribute(name, kind).unwrap();
    }
    schema.series("wheat").unwrap();
    schema.series("rain").unwrap();
    schema
}

/// Half days, so that many rows fall on one instant and right on cutoffs and window ends.
pub fn instant() -> impl Strategy<Value = i64> {
    (0..2 * DAYS).prop_map(|half| half * DAY_US / 2)
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![3 => (-50_000_i32..500_000).prop_map(f64::from), 1 => Just(f64::NAN)]
}

pub fn event() -> impl Strategy<Value = Event> {
    (instant(), 0..3_u16, proptest::option::of(0..4_u32), number(), number())
        .prop_map(|(time, kind, person, amount, quantity)| Event { time, kind, person, amount, quantity })
}

pub fn attribute() -> impl Strategy<Value = AttributeSet> {
    let value = prop_oneof![
        (-100..100_i32).prop_map(|n| (0, Value::Number(f64::from(n)))),
        "[abc]{0,1}".prop_map(|text| (1, Value::Text(text))),
        any::<bool>().prop_map(|yes| (2, Value::Bool(yes))),
        instant().prop_map(|at| (3, Value::Date(at))),
        (0..4_u16).prop_map(|attribute| (attribute, Value::Absent)),
    ];
    (instant(), value).prop_map(|(known, (attribute, value))| AttributeSet { known, attribute, value })
}

pub fn raw() -> impl Strategy<Value = Raw> {
    let events = prop::collection::vec(event(), 0..40);
    let attributes = prop::collection::vec(attribute(), 0..12);
    (proptest::option::of(0..2_u32), events, attributes).prop_map(|(region, events, attributes)| Raw {
        region,
        events,
        attributes,
    })
}

pub fn point() -> impl Strategy<Value = Point> {
    (0..2_u32, 0..2_u16, instant(), instant(), -100..100_i32).prop_map(
        |(region, series, valid_time, published, value)| Point {
            region,
            series,
            valid_time,
            published,
            value: f64::from(value),
        },
    )
}

pub fn exogenous(points: &[Point]) -> Exogenous {
    Exogenous::new(points.iter().copied()).unwrap()
}

/// Every value of a frame as a text, codes resolved: what a row says, whatever its neighbours.
pub fn told(frame: &Frame, keys: &[RowKey]) -> BTreeMap<RowKey, Vec<String>> {
    let text = |column: &Column, row: usize| match column {
        Column::Number(values) => format!("{:?}", values[row]),
        Column::Category { codes, .. } if codes[row] == MISSING => "-".to_owned(),
        Column::Category { codes, levels } => levels[codes[row] as usize].clone(),
    };
    let row = |at: usize| frame.columns().iter().map(|column| text(column, at)).collect();
    assert_eq!(frame.rows(), keys.len());
    keys.iter().enumerate().map(|(at, key)| (*key, row(at))).collect()
}
