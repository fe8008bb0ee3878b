//! What a declaration means, and what it may not say.

use std::collections::HashSet;

use salient_learn::{
    DAY_US,
    features::{
        Aggregate, AttributeSet, Declaration, Event, Exogenous, Kind, Plan, Schema, Seen, Subject, Value,
    },
    frame::Column,
};

use super::histories::schema;

fn refusal(declaration: &Declaration) -> String {
    Plan::new(declaration, &schema()).unwrap_err().to_string()
}

fn names(declaration: &Declaration, schema: &Schema) -> Vec<String> {
    Plan::new(declaration, schema).unwrap().names().map(str::to_owned).collect()
}

#[test]
fn names_are_readable_and_unique() {
    let names = names(&Declaration::default(), &schema());
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    for name in [
        "orders_90d",
        "orders_people_90d",
        "orders_amount_90d",
        "orders_amount_mean_30d",
        "orders_trend_90d",
        "orders_amount_trend_365d",
        "calls_share_30d",
        "days_since_last_call",
        "days_since_first_visit",
        "order_gap_days",
        "order_gap_sd_days",
        "order_gap_ratio",
        "attr_industry",
        "attr_founded_age_days",
        "series_wheat",
        "series_wheat_change_30d",
    ] {
        assert!(names.iter().any(|n| n == name), "{name}");
    }
}

#[test]
fn a_new_attribute_is_a_feature_without_code() {
    let mut schema = schema();
    let declaration = Declaration::default();
    let before = names(&declaration, &schema);
    let tractors = schema.attribute("tractors", Kind::Number).unwrap();
    let after = names(&declaration, &schema);
    let new: Vec<_> = after.iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(new, ["attr_tractors"]);
    let set = AttributeSet { known: 0, attribute: tractors, value: Value::Number(4.0) };
    let subject = Subject::new(None, vec![], vec![set]).unwrap();
    let plan = Plan::new(&declaration, &schema).unwrap();
    let (frame, _) = plan.build([(0, subject)], &[DAY_US], &Exogenous::default()).unwrap();
    assert_eq!(frame.column("attr_tractors"), Some(&Column::Number(vec![4.0])));
}

#[test]
fn what_is_used_and_what_is_left() {
    let declaration: Declaration = serde_json::from_str(
        r#"{"windows": [7, 14], "kinds": ["call", "order"], "aggregates": ["count", "trend", "gap_ratio"],
            "use": ["*_7d", "*_gap_ratio", "attr_*"], "leave": ["orders_trend_*", "attr_k?y"]}"#,
    )
    .unwrap();
    let expected = [
        "orders_7d",
        "order_gap_ratio",
        "calls_7d",
        "calls_trend_7d",
        "call_gap_ratio",
        "attr_size",
        "attr_industry",
        "attr_founded_age_days",
        "series_wheat_change_7d",
        "series_rain_change_7d",
    ];
    assert_eq!(names(&declaration, &schema()), expected);
    // what is said comes back as it was, and nothing said is the default
    let text = serde_json::to_string(&declaration).unwrap();
    assert_eq!(serde_json::from_str::<Declaration>(&text).unwrap(), declaration);
    assert_eq!(serde_json::from_str::<Declaration>("{}").unwrap(), Declaration::default());
    assert!(serde_json::from_str::<Declaration>(r#"{"window": [7]}"#).is_err());
}

/// A kind that is not counted has no part in the shares, but makes its subject known.
#[test]
fn kinds_that_are_not_counted() {
    let event = |kind| Event { time: 0, kind, person: None, amount: f64::NAN, quantity: f64::NAN };
    let declaration = Declaration {
        windows: vec![30],
        kinds: Some(vec!["call".into()]),
        keep: vec!["*calls*".into()],
        aggregates: vec![Aggregate::Count, Aggregate::Share],
        ..Declaration::default()
    };
    let plan = Plan::new(&declaration, &schema()).unwrap();
    let caller = Subject::new(None, vec![event(0), event(1), event(2)], vec![]).unwrap();
    let buyer = Subject::new(None, vec![event(0)], vec![]).unwrap();
    let nobody = Subject::default();
    let subjects = [(5, caller), (6, buyer), (7, nobody)];
    let (frame, keys) = plan.build(subjects, &[DAY_US], &Exogenous::default()).unwrap();
    assert_eq!(keys.iter().map(|key| key.subject).collect::<Vec<_>>(), [5, 6]);
    assert_eq!(frame.column("calls_30d"), Some(&Column::Number(vec![1.0, 0.0])));
    assert_eq!(frame.column("calls_share_30d"), Some(&Column::Number(vec![1.0, f64::NAN])));
}

/// Without subjects there are no rows, but the columns and their kinds stand.
#[test]
fn no_subjects() {
    let plan = Plan::new(&Declaration::default(), &schema()).unwrap();
    let none: [(u32, Subject); 0] = [];
    let (frame, keys) = plan.build(none, &[0], &Exogenous::default()).unwrap();
    assert!(keys.is_empty() && frame.rows() == 0);
    assert_eq!(frame.names().len(), plan.names().count());
    assert!(matches!(frame.column("attr_industry"), Some(Column::Category { .. })));
}

#[test]
fn declarations_that_are_refused() {
    let base = Declaration::default;
    let windows = |windows: &[i32]| Declaration { windows: windows.to_vec(), ..base() };
    let accepted = "whole days from 1 to 36500 are accepted";
    assert_eq!(refusal(&windows(&[30, 0])), format!("invalid windows: 0 days; {accepted}"));
    assert_eq!(refusal(&windows(&[-7])), format!("invalid windows: -7 days; {accepted}"));
    assert_eq!(refusal(&windows(&[i32::MAX])), format!("invalid windows: 2147483647 days; {accepted}"));
    assert_eq!(
        refusal(&windows(&[7, 7])),
        "invalid windows: 7 days stand twice; windows that differ are accepted"
    );
    assert_eq!(
        refusal(&Declaration { kinds: Some(vec!["orders".into()]), ..base() }),
        "invalid kinds: orders does not occur; accepted are order, call, visit"
    );
    let unmet = refusal(&Declaration { keep: vec!["ordrs_*".into()], ..base() });
    assert!(
        unmet.starts_with("invalid use: ordrs_* matches no feature; accepted are patterns on orders_30d, ")
    );
    assert!(unmet.ends_with(" and 87 more"), "{unmet}");
    let unmet = refusal(&Declaration { leave: vec!["attr_revenue".into()], ..base() });
    assert!(unmet.starts_with("invalid leave: attr_revenue matches no feature;"), "{unmet}");
    let empty = refusal(&Declaration { leave: vec!["*".into()], ..base() });
    assert!(empty.starts_with("invalid features: no feature is left;"), "{empty}");
}

#[test]
fn names_that_clash_are_refused() {
    let mut schema = Schema::default();
    schema.kind("order").unwrap();
    schema.kind("orders_people").unwrap();
    assert!(Plan::new(&Declaration::default(), &schema).is_ok());
    // the ages of a date, and a number that calls itself so
    schema.attribute("founded", Kind::Date).unwrap();
    schema.attribute("founded_age_days", Kind::Number).unwrap();
    let error = Plan::new(&Declaration::default(), &schema).unwrap_err().to_string();
    assert!(error.starts_with("invalid features: attr_founded_age_days would be the name of two"), "{error}");
}

#[test]
fn schemas_hand_out_one_id_a_name() {
    let mut schema = Schema::default();
    assert_eq!((schema.kind("call").unwrap(), schema.kind("order").unwrap()), (0, 1));
    assert_eq!(schema.kind("call").unwrap(), 0);
    assert_eq!(schema.attribute("size", Kind::Number).unwrap(), 0);
    let error = schema.attribute("size", Kind::Text).unwrap_err().to_string();
    assert_eq!(error, "invalid attribute: size as Text; it holds Number, which is accepted");
    assert!(schema.series(" ").is_err());
    let text = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<Schema>(&text).unwrap(), schema);
}

#[test]
fn subjects_that_are_refused() {
    let event = Event { time: 0, kind: 0, person: None, amount: 1.0, quantity: 1.0 };
    let set = AttributeSet { known: 0, attribute: 0, value: Value::Absent };
    let with = |event, set| Subject::new(None, vec![event], vec![set]).map(|_| ());
    assert!(with(event, set.clone()).is_ok());
    assert!(with(Event { time: i64::MIN, ..event }, set.clone()).is_err());
    assert!(with(Event { amount: f64::INFINITY, ..event }, set.clone()).is_err());
    assert!(with(Event { quantity: f64::NEG_INFINITY, ..event }, set.clone()).is_err());
    for value in [Value::Number(f64::NAN), Value::Date(i64::MAX)] {
        assert!(with(event, AttributeSet { value, ..set.clone() }).is_err());
    }
    // the ends of time: a cutoff is refused, a view is not
    let subject = Subject::new(None, vec![event], vec![set]).unwrap();
    let plan = Plan::new(&Declaration::default(), &schema()).unwrap();
    assert!(plan.rows(0, &subject, &[i64::MAX], &Exogenous::default()).is_err());
    let counts: Vec<usize> = [i64::MIN, 0, 1, i64::MAX]
        .iter()
        .map(|&at| subject.before(at))
        .map(|s: Seen| s.events().len())
        .collect();
    assert_eq!(counts, [0, 0, 1, 1]);
}

/// A sum that leaves the numbers is refused with the feature's name.
#[test]
fn a_sum_too_great() {
    let event = Event { time: 0, kind: 0, person: None, amount: f64::MAX, quantity: f64::NAN };
    let subject = Subject::new(None, vec![event, event], vec![]).unwrap();
    let plan = Plan::new(&Declaration::default(), &schema()).unwrap();
    let error = plan.build([(0, subject)], &[1], &Exogenous::default()).unwrap_err().to_string();
    assert!(error.contains("orders_amount_30d is infinite"), "{error}");
}
