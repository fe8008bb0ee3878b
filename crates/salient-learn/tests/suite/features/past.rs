//! Nothing at or after a cutoff changes a row.

use proptest::prelude::*;
use salient_learn::{
    DAY_US,
    features::{AttributeSet, Declaration, Event, Exogenous, Plan, Point, RowKey, Value},
    frame::{Column, Frame},
};

use super::histories::{Raw, exogenous, instant, point, raw, schema, told};

fn plan() -> Plan {
    Plan::new(&Declaration::default(), &schema()).unwrap()
}

fn build(raws: &[Raw], cutoffs: &[i64], points: &[Point]) -> (Frame, Vec<RowKey>) {
    let subjects = (0..).zip(raws.iter().map(Raw::subject));
    plan().build(subjects, cutoffs, &exogenous(points)).unwrap()
}

proptest! {
    #[test]
    fn a_row_is_that_of_the_history_cut_by_hand(
        raws in prop::collection::vec(raw(), 1..5),
        points in prop::collection::vec(point(), 0..40),
        cutoff in instant(),
    ) {
        let whole = build(&raws, &[cutoff], &points);
        let cut: Vec<Raw> = raws.iter().map(|raw| raw.until(cutoff)).collect();
        let known: Vec<Point> = points.iter().filter(|p| p.published < cutoff).copied().collect();
        prop_assert_eq!(whole, build(&cut, &[cutoff], &known));
    }

    #[test]
    fn two_cutoffs_in_one_pass_are_two_passes(
        raws in prop::collection::vec(raw(), 1..5),
        points in prop::collection::vec(point(), 0..40),
        (early, late) in (instant(), instant()),
    ) {
        prop_assume!(early != late);
        let (both, keys) = build(&raws, &[early, late], &points);
        let mut apart = std::collections::BTreeMap::new();
        for cutoff in [early, late] {
            let (frame, keys) = build(&raws, &[cutoff], &points);
            apart.append(&mut told(&frame, &keys));
        }
        prop_assert_eq!(told(&both, &keys), apart);
    }

    #[test]
    fn parts_stacked_are_the_whole(
        raws in prop::collection::vec(raw(), 2..6),
        cutoff in instant(),
        at in 1..5_usize,
    ) {
        let plan = plan();
        let subjects: Vec<_> = (0..).zip(raws.iter().map(Raw::subject)).collect();
        let part = |of: &[(u32, _)]| {
            let subjects = of.iter().map(|(id, subject)| (*id, subject));
            plan.build(subjects, &[cutoff], &Exogenous::default()).unwrap()
        };
        let (left, right) = subjects.split_at(at.min(subjects.len()));
        let (whole, keys) = part(&subjects);
        let (a, b) = (part(left), part(right));
        prop_assert_eq!(whole, Frame::stack(&[&a.0, &b.0]).unwrap());
        prop_assert_eq!(keys, [a.1, b.1].concat());
    }
}

/// One planted row in each stream, right at the cutoff and long after; and one right before it,
/// which shows that the guard looks where it should.
#[test]
fn planted_rows() {
    let cutoff = 100 * DAY_US;
    let event = |time| Event { time, kind: 0, person: Some(7), amount: 1e6, quantity: 3.0 };
    let set = |known, value: Value, attribute| AttributeSet { known, attribute, value };
    let base = Raw {
        region: Some(0),
        events: vec![event(10 * DAY_US), event(40 * DAY_US)],
        attributes: vec![set(5 * DAY_US, Value::Text("mill".into()), 1)],
    };
    let price = |published| Point { region: 0, series: 0, valid_time: 60 * DAY_US, published, value: 9.0 };
    let clean = build(std::slice::from_ref(&base), &[cutoff], &[price(1)]);
    for (time, seen) in [(cutoff, false), (cutoff + 1, false), (300 * DAY_US, false), (cutoff - 1, true)] {
        let mut events = base.clone();
        events.events.insert(0, event(time));
        let mut attributes = base.clone();
        attributes.attributes.insert(0, set(time, Value::Text("bakery".into()), 1));
        let mut gone = base.clone();
        gone.attributes.push(set(time, Value::Absent, 1));
        for planted in [events, attributes, gone] {
            assert_eq!(build(&[planted], &[cutoff], &[price(1)]) != clean, seen, "{time}");
        }
        let points = [price(1), Point { value: 11.0, ..price(time) }];
        assert_eq!(build(std::slice::from_ref(&base), &[cutoff], &points) != clean, seen, "{time}");
    }
}

/// A level, a kind of event or a region's series that turns up later leaves no trace, not even a
/// level without rows.
#[test]
fn later_levels_do_not_show() {
    let set = |day: i64, text: &str| AttributeSet {
        known: day * DAY_US,
        attribute: 1,
        value: Value::Text(text.into()),
    };
    let raw = Raw { region: None, events: vec![], attributes: vec![set(1, "mill"), set(50, "bakery")] };
    let (frame, _) = build(&[raw], &[20 * DAY_US], &[]);
    let Some(Column::Category { levels, .. }) = frame.column("attr_industry") else { panic!() };
    assert_eq!(levels, &["mill"]);
}

/// Malformed rows after the cutoff do not even fail.
#[test]
fn what_the_schema_does_not_know_is_refused_once_it_is_past() {
    let event = Event { time: 50 * DAY_US, kind: 9, person: None, amount: f64::NAN, quantity: f64::NAN };
    let known = AttributeSet { known: DAY_US, attribute: 0, value: Value::Number(1.0) };
    let wrong = AttributeSet { known: 50 * DAY_US, attribute: 0, value: Value::Text("many".into()) };
    let absent = AttributeSet { attribute: 77, ..wrong.clone() };
    let subject = |events, attributes| Raw { region: None, events, attributes }.subject();
    for (subject, message) in [
        (subject(vec![event], vec![known.clone()]), "invalid kind: 9 of subject 4; ids below 3 are accepted"),
        (
            subject(vec![], vec![known.clone(), wrong]),
            "invalid attribute: size of subject 4 is Text(\"many\"); Number is accepted",
        ),
        (
            subject(vec![], vec![known, absent]),
            "invalid attribute: 77 of subject 4; ids below 4 are accepted",
        ),
    ] {
        let none = Exogenous::default();
        assert_eq!(plan().rows(4, &subject, &[50 * DAY_US], &none).unwrap().len(), 1);
        let error = plan().rows(4, &subject, &[50 * DAY_US + 1], &none).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
