//! Every feature against a recomputation from the raw rows, by the definition and without the
//! crate's streams, slots or rhythm.

use std::collections::BTreeSet;

use proptest::prelude::*;
use salient_learn::{
    DAY_US,
    features::{Declaration, Event, Plan, Point, RowKey, Value},
    frame::{Column, Frame, MISSING},
};

use super::histories::{Raw, exogenous, instant, point, raw, schema};

const KINDS: [(&str, &str); 3] = [("order", "orders"), ("call", "calls"), ("visit", "visits")];

struct Check<'a> {
    frame: &'a Frame,
    row: usize,
}

impl Check<'_> {
    fn number(&self, name: &str, expected: f64) {
        let Some(Column::Number(values)) = self.frame.column(name) else { panic!("{name}") };
        let value = values[self.row];
        let near = (value - expected).abs() <= 1e-9 * expected.abs().max(1.0);
        assert!(near || (value.is_nan() && expected.is_nan()), "{name}: {value} for {expected}");
    }

    fn text(&self, name: &str, expected: Option<&str>) {
        let Some(Column::Category { codes, levels }) = self.frame.column(name) else { panic!("{name}") };
        let code = codes[self.row];
        let text = (code != MISSING).then(|| levels[code as usize].as_str());
        assert_eq!(text, expected, "{name}");
    }
}

fn windows(check: &Check<'_>, raw: &Raw, cutoff: i64) {
    for days in [30_i64, 90, 365] {
        let (from, before) = (cutoff - days * DAY_US, cutoff - 2 * days * DAY_US);
        let of = |kind: usize, from: i64, until: i64| -> Vec<&Event> {
            let inside = |e: &&Event| usize::from(e.kind) == kind && (from..until).contains(&e.time);
            raw.events.iter().filter(inside).collect()
        };
        let money = |events: &[&Event]| -> Vec<f64> {
            events.iter().map(|e| e.amount).filter(|a| !a.is_nan()).collect()
        };
        let all: usize = (0..3).map(|kind| of(kind, from, cutoff).len()).sum();
        for (kind, (_, many)) in KINDS.iter().enumerate() {
            let (now, past) = (of(kind, from, cutoff), of(kind, before, from));
            let people: BTreeSet<u32> = now.iter().filter_map(|e| e.person).collect();
            let (paid, paid_past) = (money(&now), money(&past));
            let sum = |amounts: &[f64]| amounts.iter().fold(0.0, |a, b| a + b);
            let quantity = now.iter().map(|e| e.quantity).filter(|q| !q.is_nan()).fold(0.0, |a, b| a + b);
            let grown = |now: f64, past: f64| (now.max(0.0) + 1.0).ln() - (past.max(0.0) + 1.0).ln();
            check.number(&format!("{many}_{days}d"), now.len() as f64);
            check.number(&format!("{many}_people_{days}d"), people.len() as f64);
            check.number(&format!("{many}_amount_{days}d"), sum(&paid));
            check.number(&format!("{many}_amount_mean_{days}d"), sum(&paid) / paid.len() as f64);
            check.number(&format!("{many}_quantity_{days}d"), quantity);
            check.number(&format!("{many}_trend_{days}d"), grown(now.len() as f64, past.len() as f64));
            check.number(&format!("{many}_amount_trend_{days}d"), grown(sum(&paid), sum(&paid_past)));
            check.number(&format!("{many}_share_{days}d"), now.len() as f64 / all as f64);
        }
    }
}

fn rhythm(check: &Check<'_>, raw: &Raw, cutoff: i64) {
    let days = |us: i64| us as f64 / DAY_US as f64;
    for (kind, (one, _)) in KINDS.iter().enumerate() {
        let mut times: Vec<i64> = raw
            .events
            .iter()
            .filter(|e| usize::from(e.kind) == kind && e.time < cutoff)
            .map(|e| e.time)
            .collect();
        times.sort_unstable();
        let since = |time: Option<&i64>| time.map_or(f64::NAN, |t| days(cutoff - t));
        let gaps: Vec<f64> = times.windows(2).map(|pair| days(pair[1] - pair[0])).collect();
        let n = gaps.len() as f64;
        let mean = gaps.iter().fold(0.0, |a, b| a + b) / n;
        let spread = gaps.iter().map(|g| (g - mean).powi(2)).fold(0.0, |a, b| a + b) / (n - 1.0);
        check.number(&format!("days_since_last_{one}"), since(times.last()));
        check.number(&format!("days_since_first_{one}"), since(times.first()));
        check.number(&format!("{one}_gap_days"), mean);
        check.number(&format!("{one}_gap_sd_days"), if gaps.len() < 2 { f64::NAN } else { spread.sqrt() });
        let ratio = if mean > 0.0 { since(times.last()) / mean } else { f64::NAN };
        check.number(&format!("{one}_gap_ratio"), ratio);
    }
}

fn attributes(check: &Check<'_>, raw: &Raw, cutoff: i64) {
    // of several that became known at one time the one handed in last holds, which max_by_key gives
    let last = |attribute: u16| {
        let of = raw.attributes.iter().filter(|a| a.attribute == attribute && a.known < cutoff);
        of.max_by_key(|a| a.known).map(|a| a.value.clone())
    };
    let number = |attribute| match last(attribute) {
        Some(Value::Number(n)) => n,
        Some(Value::Bool(yes)) => f64::from(u8::from(yes)),
        Some(Value::Date(at)) => (cutoff - at) as f64 / DAY_US as f64,
        _ => f64::NAN,
    };
    check.number("attr_size", number(0));
    check.number("attr_key", number(2));
    check.number("attr_founded_age_days", number(3));
    let text = match last(1) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    check.text("attr_industry", text.as_deref());
}

fn series(check: &Check<'_>, raw: &Raw, points: &[Point], cutoff: i64) {
    let known = |series: u16, at: i64| {
        let of =
            points.iter().filter(|p| Some(p.region) == raw.region && p.series == series && p.published < at);
        of.max_by_key(|p| (p.valid_time, p.published)).map_or(f64::NAN, |p| p.value)
    };
    for (id, name) in [(0, "wheat"), (1, "rain")] {
        check.number(&format!("series_{name}"), known(id, cutoff));
        for days in [30, 90, 365] {
            let change = known(id, cutoff) - known(id, cutoff - days * DAY_US);
            check.number(&format!("series_{name}_change_{days}d"), change);
        }
    }
}

proptest! {
    #[test]
    fn every_feature(
        raws in prop::collection::vec(raw(), 1..5),
        points in prop::collection::vec(point(), 0..40),
        cutoffs in prop::collection::vec(instant(), 1..3),
    ) {
        let plan = Plan::new(&Declaration::default(), &schema()).unwrap();
        let subjects = (0..).zip(raws.iter().map(Raw::subject));
        let (frame, keys) = plan.build(subjects, &cutoffs, &exogenous(&points)).unwrap();
        // 8 by window and 5 by kind, 4 attributes, 4 by series: none is left unchecked
        prop_assert_eq!(frame.names().len(), 3 * (8 * 3 + 5) + 4 + 2 * 4);
        let mut expected = Vec::new();
        for (subject, raw) in (0..).zip(&raws) {
            for &cutoff in &cutoffs {
                let cut = raw.until(cutoff);
                if !(cut.events.is_empty() && cut.attributes.is_empty()) {
                    expected.push(RowKey { subject, cutoff });
                }
            }
        }
        prop_assert_eq!(&keys, &expected);
        for (row, key) in keys.iter().enumerate() {
            let (check, raw) = (Check { frame: &frame, row }, &raws[key.subject as usize]);
            windows(&check, raw, key.cutoff);
            rhythm(&check, raw, key.cutoff);
            attributes(&check, raw, key.cutoff);
            series(&check, raw, &points, key.cutoff);
        }
    }
}
