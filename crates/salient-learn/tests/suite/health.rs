//! Health: figures worked out by hand, the past that stays what it was, and properties.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use salient_learn::{
    DAY_US, Error,
    health::{Config, Facts, Health, Issue, Kind, Order, Record, Trend, Usage, Weights, health},
};

fn order(day: i64, amount: i64) -> Order {
    Order { time: day * DAY_US, amount, products: vec![1] }
}

/// An order every `gap` days from day 0 up to before `until`.
fn steady(gap: i64, until: i64) -> Record {
    let orders = (0..until).step_by(usize::try_from(gap).unwrap()).map(|d| order(d, 1000)).collect();
    Record { orders, ..Record::default() }
}

fn value(h: &Health, kind: Kind) -> f64 {
    h.components.iter().find(|c| c.kind == kind).unwrap().value
}

/// Orders on days 0, 30, …, 150 and 200; cutoff day 260: gaps 30 ×5 and 50, typical 30; silence 60.
/// Tenure 260, so windows of 130 days: days 130.. (150, 200) recent, 0..=130 (0, 30, 60, 90, 120) earlier.
#[test]
fn score_by_hand() {
    let mut record = steady(30, 151);
    record.orders.push(Order { time: 200 * DAY_US, amount: 4000, products: vec![1, 2, 3] });
    record.issues = Some(vec![
        Issue { opened: 240 * DAY_US, closed: None, severity: 1.0 },
        Issue { opened: 10 * DAY_US, closed: Some(270 * DAY_US), severity: 1.0 }, // still open then
        Issue { opened: 20 * DAY_US, closed: Some(30 * DAY_US), severity: 5.0 },  // long over
    ]);
    let h = health(&record, 260 * DAY_US, &Config::default()).unwrap();
    let want = [
        (Kind::Recency, 0.5, 30.0),               // 2^(1 − 60/30)
        (Kind::Frequency, 2.5 / 8.0, 20.0),       // (2 + ½) / (2 + 5 + 1)
        (Kind::Monetary, 5500.0 / 11000.0, 20.0), // (5000 + 500) / (5000 + 5000 + 1000)
        (Kind::Breadth, 3.5 / 5.0, 10.0),         // (3 + ½) / (3 + 1 + 1)
        (Kind::Support, 0.5, 10.0),               // 2 / (2 + 2)
    ];
    assert_eq!(h.components.len(), want.len());
    for (c, (kind, v, w)) in h.components.iter().zip(want) {
        assert_eq!(c.kind, kind);
        assert!((c.value - v).abs() < 1e-12, "{kind:?} {}", c.value);
        assert!((c.weight - w / 90.0).abs() < 1e-12);
        assert!((c.points - 100.0 * w / 90.0 * v).abs() < 1e-9);
    }
    assert_eq!(h.missing, [Kind::Usage]);
    let score = want.iter().map(|(_, v, w)| v * w).sum::<f64>() / 0.9;
    assert!((h.score - score).abs() < 1e-9);
    assert_eq!(h.components[0].facts, Facts::Silence { days: 60.0, typical_gap_days: 30.0 });
    assert_eq!(h.components[4].facts, Facts::Issues { count: 2, open: 2, burden: 2.0, window_days: 90.0 });
    println!("by hand: score {:.2}, trend {:?}, change {:?}", h.score, h.trend, h.change);
}

#[test]
fn as_ever_is_steady_with_the_promised_seventy_points() {
    let mut record = steady(14, 1000);
    record.issues = Some(vec![]);
    let usage = |k: i64| Usage { from: k * 30 * DAY_US, until: (k + 1) * 30 * DAY_US, events: 50.0 };
    record.usage = Some((0..34).map(usage).collect());
    let h = health(&record, 1000 * DAY_US, &Config::default()).unwrap();
    assert_eq!((h.trend, h.missing.len()), (Trend::Steady, 0));
    assert!((h.score - 70.0).abs() < 1.0, "{}", h.score);
    println!("as ever: {:.2}", h.score);
}

#[test]
fn trends_are_told_apart() {
    let falling = steady(14, 900); // then nothing until day 960
    let h = health(&falling, 960 * DAY_US, &Config::default()).unwrap();
    assert_eq!(h.trend, Trend::Declining);
    assert!(h.change.unwrap() < -20.0);
    let mut rising = steady(30, 800);
    rising.orders.extend((0..20).map(|k| order(800 + 5 * k, 3000)));
    let h = health(&rising, 897 * DAY_US, &Config::default()).unwrap();
    assert_eq!(h.trend, Trend::Improving);
    // 100 days old: 90 days ago only one order was there
    let h = health(&steady(10, 100), 100 * DAY_US, &Config::default()).unwrap();
    assert_eq!((h.trend, h.change), (Trend::NotEnoughInformation, None));
}

#[test]
fn a_component_that_appears_is_no_trend() {
    let mut record = steady(14, 1000);
    let usage = |k: i64| Usage { from: (760 + k * 30) * DAY_US, until: (790 + k * 30) * DAY_US, events: 9.0 };
    record.usage = Some((0..9).map(usage).collect());
    let before = health(&steady(14, 1000), 990 * DAY_US, &Config::default()).unwrap();
    let with = health(&record, 990 * DAY_US, &Config::default()).unwrap();
    assert!(with.components.iter().any(|c| c.kind == Kind::Usage) && before.missing.contains(&Kind::Usage));
    assert_eq!(with.trend, Trend::Steady);
    assert_eq!(with.change, before.change);
}

#[test]
fn weights_can_be_edited_and_switched_off() {
    let record = steady(30, 400);
    let weights = Weights { recency: 0.0, ..Weights::default() };
    let h = health(&record, 500 * DAY_US, &Config { weights, ..Config::default() }).unwrap();
    assert!(h.components.iter().all(|c| c.kind != Kind::Recency) && !h.missing.contains(&Kind::Recency));
    let only: Config = serde_json::from_str(
        r#"{"weights": {"frequency": 0, "monetary": 0, "breadth": 0, "support": 0, "usage": 0}}"#,
    )
    .unwrap();
    let h = health(&record, 420 * DAY_US, &only).unwrap();
    assert!((h.score - 100.0 * value(&h, Kind::Recency)).abs() < 1e-9 && h.components.len() == 1);
    let text = serde_json::to_string(&h).unwrap();
    assert_eq!(serde_json::from_str::<Health>(&text).unwrap(), h);
}

#[test]
fn too_little_is_an_error() {
    let few = Record { orders: vec![order(1, 5), order(9, 5)], ..Record::default() };
    assert!(matches!(health(&few, 20 * DAY_US, &Config::default()), Err(Error::NotEnoughData { .. })));
    let unsorted = Record { orders: vec![order(9, 5), order(1, 5)], ..Record::default() };
    assert!(matches!(health(&unsorted, 20 * DAY_US, &Config::default()), Err(Error::Invalid { .. })));
    let weights = Weights { recency: f64::NAN, ..Weights::default() };
    let config = Config { weights, ..Config::default() };
    assert!(matches!(health(&steady(5, 99), 99 * DAY_US, &config), Err(Error::Invalid { .. })));
    // a usage feed that stopped long ago drops out
    let mut stale = steady(14, 700);
    let usage = |k: i64| Usage { from: k * 30 * DAY_US, until: (k + 1) * 30 * DAY_US, events: 50.0 };
    stale.usage = Some((0..8).map(usage).collect());
    assert!(health(&stale, 700 * DAY_US, &Config::default()).unwrap().missing.contains(&Kind::Usage));
}

#[test]
fn split_orders_do_not_quicken_the_rhythm() {
    let mut record = steady(30, 400);
    let twice: Vec<Order> = record
        .orders
        .iter()
        .flat_map(|o| [o.clone(), Order { time: o.time + DAY_US / 4, ..o.clone() }])
        .collect();
    record.orders = twice;
    let h = health(&record, 430 * DAY_US, &Config::default()).unwrap();
    let Facts::Silence { typical_gap_days, .. } = h.components[0].facts else { panic!() };
    assert_eq!(typical_gap_days, 30.0);
}

#[test]
fn what_is_dated_at_the_cutoff_is_not_seen() {
    let (past, cutoff) = (steady(30, 500), 510 * DAY_US);
    let past = Record { issues: Some(vec![]), ..past };
    let mut record = past.clone();
    record.orders.push(order(510, 90_000));
    record.issues = Some(vec![Issue { opened: cutoff, closed: None, severity: 9.0 }]);
    assert_eq!(health(&record, cutoff, &Config::default()), health(&past, cutoff, &Config::default()));
}

prop_compose! {
    fn records()(
        gaps in prop::collection::vec((0_i64..60, 0_i64..9000, 1_u32..6), 3..60),
        events in prop::collection::vec(0.0_f64..200.0, 0..40),
        issues in prop::collection::vec((0_i64..1500, prop::option::of(0_i64..200), 0.0_f64..4.0), 0..8),
    ) -> Record {
        let mut day = 0;
        let mut orders = Vec::new();
        for (gap, amount, product) in gaps {
            day += gap;
            orders.push(Order { time: day * DAY_US, amount, products: vec![product] });
        }
        let usage = |(k, events): (i64, f64)| Usage {
            from: k * 30 * DAY_US, until: (k + 1) * 30 * DAY_US, events,
        };
        let issue = |(opened, days, severity): (i64, Option<i64>, f64)| Issue {
            opened: opened * DAY_US, closed: days.map(|d| (opened + d) * DAY_US), severity,
        };
        Record {
            orders,
            usage: (!events.is_empty()).then(|| (0..).zip(events).map(usage).collect()),
            issues: Some(issues.into_iter().map(issue).collect()),
        }
    }
}

/// The record with everything dated at the cutoff or later taken out by hand.
fn cut(record: &Record, cutoff: i64) -> Record {
    let mut r = record.clone();
    r.orders.retain(|o| o.time < cutoff);
    if let Some(u) = &mut r.usage {
        u.retain(|u| u.until <= cutoff);
    }
    if let Some(issues) = &mut r.issues {
        issues.retain(|i| i.opened < cutoff);
        for i in issues {
            i.closed = i.closed.filter(|&c| c < cutoff);
        }
    }
    r
}

proptest! {
    #[test]
    fn the_future_is_not_seen(record in records(), day in 0_i64..1500) {
        let cutoff = day * DAY_US;
        let past = cut(&record, cutoff);
        let config = Config::default();
        prop_assert_eq!(health(&record, cutoff, &config), health(&past, cutoff, &config));
    }

    #[test]
    fn points_add_up_within_bounds(record in records(), day in 0_i64..1500) {
        if let Ok(h) = health(&record, day * DAY_US, &Config::default()) {
            prop_assert!((0.0..=100.0).contains(&h.score));
            let points: f64 = h.components.iter().map(|c| c.points).sum();
            prop_assert!((points - h.score).abs() < 1e-9);
            let weight: f64 = h.components.iter().map(|c| c.weight).sum();
            prop_assert!((weight - 1.0).abs() < 1e-12);
            prop_assert!(h.components.iter().all(|c| (0.0..=1.0).contains(&c.value)));
            prop_assert_eq!(h.components.len() + h.missing.len(), 6);
        }
    }

    #[test]
    fn silence_never_helps_recency(record in records(), more in 1_i64..400) {
        let last = record.orders.last().unwrap().time;
        let at = |days: i64| health(&record, last + days * DAY_US, &Config::default());
        if let (Ok(early), Ok(late)) = (at(1), at(1 + more)) {
            prop_assert!(value(&late, Kind::Recency) <= value(&early, Kind::Recency));
        }
    }
}
