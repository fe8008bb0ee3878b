//! Subjects that belong to others, begin some day, and stop being asked about.

use super::*;

fn event(day: i64, kind: &str) -> RawEvent {
    RawEvent { time: day * DAY_US + 1, kind: kind.into(), amount: 100.0, quantity: 1.0 }
}

fn told(day: i64, name: &str, value: &str, first: bool) -> RawAttribute {
    RawAttribute { known: day * DAY_US + 1, name: name.into(), value: value.into(), first }
}

/// Somebody at an account that is older, and moved after it had begun.
fn person() -> Raw {
    let account = Raw {
        events: vec![event(10, "order"), event(20, "call"), event(120, "order")],
        attributes: vec![told(200, "industry", "retail", true), told(90, "city", "Bath", false)],
        region: Some(3),
        begun: None,
    };
    let mut person = Raw {
        events: vec![event(60, "call")],
        attributes: vec![told(150, "title", "Buyer", true)],
        region: None,
        begun: Some(60 * DAY_US + 1),
    };
    person.belongs_to("account_", &account);
    person
}

/// The features of a subject on a day, by name; none where nobody is asked about.
fn on(raw: &Raw, day: i64, question: &Question) -> Option<Vec<(String, Option<f64>)>> {
    let mut survey = Survey::default();
    survey.add(raw, i64::MAX);
    let schema = survey.schema().unwrap();
    let reading = Reading::new(question, &schema).unwrap();
    let subject = Reader::new(&schema).read(raw).unwrap();
    let nothing = Exogenous::default();
    let mut rows = Examples::open(&reading, &nothing, day * DAY_US);
    rows.add(0, &subject).unwrap();
    let rows = rows.finish().unwrap();
    let value = |column: &Column| match column {
        Column::Number(values) => values.first().copied().filter(|value| !value.is_nan()),
        Column::Category { codes, .. } => (codes[0] != MISSING).then_some(1.0),
    };
    let names = rows.frame.names().iter().cloned();
    (!rows.keys.is_empty()).then(|| names.zip(rows.frame.columns().iter().map(value)).collect())
}

fn asked() -> Question {
    Question { target: "calls_30d > 0.0".into(), ..question() }
}

#[test]
fn what_it_belongs_to_stands_beside_it_under_its_own_names() {
    let row = on(&person(), 130, &asked()).unwrap();
    let value = |name: &str| row.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!((value("calls_90d"), value("calls_30d")), (Some(1.0), Some(0.0)));
    assert_eq!((value("account_orders_30d"), value("account_orders_90d")), (Some(1.0), Some(1.0)));
    assert_eq!(value("days_since_first_account_order").map(f64::round), Some(120.0));
    // the account's first value goes back to its own beginning, the person's to the person's
    assert_eq!((value("attr_account_industry"), value("attr_title")), (Some(1.0), Some(1.0)));
    assert_eq!(value("attr_account_city"), Some(1.0));
}

#[test]
fn nobody_is_asked_about_before_they_are_there() {
    let person = person();
    // the account was known since day 10
    assert_eq!((on(&person, 30, &asked()), on(&person, 60, &asked())), (None, None));
    assert!(on(&person, 61, &asked()).is_some());
    // what there was is not known either, so that no survey of that time names it
    let mut survey = Survey::default();
    survey.add(&person, 60 * DAY_US);
    assert_eq!(survey.schema().unwrap(), Schema::default());
}

#[test]
fn with_an_event_of_a_kind_they_are_asked_about_no_more() {
    let person = person();
    let until = |kind: &str| Question { until: vec![kind.into()], ..asked() };
    assert!(on(&person, 119, &until("account_renewal")).is_some(), "it never happens");
    let mut lead = Raw { events: vec![event(60, "call"), event(120, "order")], ..Raw::default() };
    assert!(on(&lead, 120, &until("order")).is_some());
    assert!(on(&lead, 121, &until("order")).is_none());
    lead.events.pop();
    assert!(on(&lead, 121, &until("order")).is_some());
}

#[test]
fn what_earlier_versions_wrote_of_it_is_read() {
    let written = |until: serde_json::Value| {
        let mut question = serde_json::to_value(asked()).unwrap();
        question["until"] = until;
        serde_json::from_value::<Question>(question).unwrap().until
    };
    assert_eq!(written(serde_json::Value::Null), Vec::<String>::new());
    assert_eq!(written("order".into()), ["order"]);
    assert_eq!(written(["order", "return"].as_slice().into()), ["order", "return"]);
}
