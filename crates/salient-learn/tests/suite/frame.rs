//! Tables of numbers and categories: what they hold, what they refuse, how texts are read.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use proptest::prelude::*;
use salient_learn::{
    DAY_US,
    frame::{Column, Frame, MISSING, Reading},
};

fn number(values: &[f64]) -> Column {
    Column::Number(values.to_vec())
}

fn category(codes: &[u32], levels: &[&str]) -> Column {
    Column::Category { codes: codes.to_vec(), levels: levels.iter().map(|&l| l.to_owned()).collect() }
}

fn frame(columns: &[(&str, Column)]) -> Result<Frame, String> {
    let (names, columns) = columns.iter().map(|(n, c)| ((*n).to_owned(), c.clone())).unzip();
    Frame::new(names, columns).map_err(|e| e.to_string())
}

fn texts(column: &Column) -> Vec<Option<String>> {
    let Column::Category { codes, levels } = column else { panic!("a category") };
    codes.iter().map(|&c| (c != MISSING).then(|| levels[c as usize].clone())).collect()
}

#[test]
fn what_is_refused() {
    let a = || ("a", number(&[1.0, f64::NAN]));
    let refused = |columns: &[(&str, Column)]| frame(columns).unwrap_err();
    assert_eq!(
        refused(&[a(), ("b", number(&[1.0]))]),
        "invalid column: b has 1 rows; 2 are accepted, as in the first column"
    );
    assert_eq!(refused(&[a(), a()]), "invalid column: a stands twice; names that differ are accepted");
    assert_eq!(
        refused(&[a(), ("b", number(&[1.0, f64::INFINITY]))]),
        "invalid column: b is infinite in row 1; finite numbers are accepted, NaN for missing"
    );
    assert_eq!(
        refused(&[a(), ("c", category(&[0, 2], &["x", "y"]))]),
        "invalid column: c has the code 2; codes below its 2 levels are accepted, 4294967295 for missing"
    );
    assert_eq!(
        refused(&[("c", category(&[0], &["x", "x"]))]),
        "invalid column: c has the level \"x\" twice; levels that differ are accepted"
    );
    let error = Frame::new(vec!["a".into()], vec![]).unwrap_err().to_string();
    assert_eq!(error, "invalid names: 1 for 0 columns; one each is accepted");
    assert!(frame(&[a(), ("c", category(&[MISSING, 0], &["x"]))]).is_ok());
}

#[test]
fn rows_and_columns_are_chosen() {
    let of = frame(&[("a", number(&[1.0, 2.0, f64::NAN])), ("c", category(&[0, MISSING, 1], &["x", "y"]))])
        .unwrap();
    let some = of.select(&[2, 0, 2]).unwrap();
    assert_eq!(some.rows(), 3);
    assert_eq!(some.column("a"), Some(&number(&[f64::NAN, 1.0, f64::NAN])));
    assert_eq!(some.column("c"), Some(&category(&[1, 0, 1], &["x", "y"])));
    assert_eq!(of.select(&[]).unwrap().rows(), 0);
    let error = of.select(&[0, 3]).unwrap_err().to_string();
    assert_eq!(error, "invalid rows: 3; rows below 3 are accepted");
    let rest = of.drop(&["a"]).unwrap();
    assert_eq!((rest.names(), rest.rows()), (["c".to_owned()].as_slice(), 3));
    assert!(of.column("b").is_none());
    assert_eq!(of.drop(&["b"]).unwrap_err().to_string(), "invalid column: b is absent; accepted are a, c");
}

#[test]
fn stacking_unites_levels() {
    let top = frame(&[("a", number(&[1.0])), ("c", category(&[1], &["x", "y"]))]).unwrap();
    let low =
        frame(&[("c", category(&[0, 1, MISSING], &["z", "x"])), ("a", number(&[2.0, 3.0, 4.0]))]).unwrap();
    let both = Frame::stack(&[&top, &low]).unwrap();
    assert_eq!(both.names(), top.names());
    assert_eq!(both.column("a"), Some(&number(&[1.0, 2.0, 3.0, 4.0])));
    assert_eq!(both.column("c"), Some(&category(&[1, 2, 0, MISSING], &["x", "y", "z"])));
    assert_eq!(Frame::stack(&[]).unwrap(), Frame::default());
    assert_eq!(Frame::stack(&[&top]).unwrap(), top);
    for other in [
        frame(&[("a", number(&[1.0]))]).unwrap(),
        frame(&[("a", number(&[1.0])), ("c", category(&[0], &["x"])), ("d", number(&[1.0]))]).unwrap(),
    ] {
        let error = Frame::stack(&[&top, &other]).unwrap_err().to_string();
        assert!(error.contains("is not in every frame"), "{error}");
    }
    let other = frame(&[("a", number(&[1.0])), ("c", number(&[1.0]))]).unwrap();
    assert_eq!(
        Frame::stack(&[&top, &other]).unwrap_err().to_string(),
        "invalid column: c holds numbers in one frame and texts in another; one is accepted"
    );
}

#[test]
fn kinds_are_found_in_texts() {
    let names = ["size", "zip", "branch", "since", "grade", "empty"];
    let rows = [
        vec![" 1.5 ", "007", "mill", "2024-01-01", "1", ""],
        vec!["NA", "10115", "", "2024-01-31T12:00:00Z", "2", "NA"],
        vec!["-2e3", "", "7", "2024-02-01", "", ""],
    ];
    let reading = Reading {
        missing: vec!["NA".into()],
        categorical: vec!["grade".into()],
        // 2024-02-01
        cutoff: Some(1_706_745_600_000_000),
    };
    let of = Frame::from_texts(&names, &rows, &reading).unwrap();
    assert_eq!(of.names(), ["size", "zip", "branch", "since_age_days", "grade", "empty"]);
    assert_eq!(of.column("size"), Some(&number(&[1.5, f64::NAN, -2000.0])));
    assert_eq!(of.column("zip"), Some(&category(&[0, 1, MISSING], &["007", "10115"])));
    assert_eq!(of.column("branch"), Some(&category(&[0, MISSING, 1], &["mill", "7"])));
    assert_eq!(of.column("since_age_days"), Some(&number(&[31.0, 0.5, 0.0])));
    assert_eq!(of.column("grade"), Some(&category(&[0, 1, MISSING], &["1", "2"])));
    assert_eq!(of.column("empty"), Some(&number(&[f64::NAN; 3])));
    // what is dated after the cutoff was not known
    let earlier = Reading { cutoff: reading.cutoff.map(|c| c - DAY_US), ..reading.clone() };
    let of = Frame::from_texts(&names, &rows, &earlier).unwrap();
    assert_eq!(of.column("since_age_days"), Some(&number(&[30.0, f64::NAN, f64::NAN])));
    // without the marker NA is a text like any other
    let plain = Reading { missing: vec![], ..reading };
    let of = Frame::from_texts(&names, &rows, &plain).unwrap();
    assert_eq!(of.column("size"), Some(&category(&[0, 1, 2], &["1.5", "NA", "-2e3"])));
}

#[test]
fn texts_that_are_refused() {
    let read = |names: &[&str], rows: &[Vec<&str>], reading: &Reading| {
        Frame::from_texts(names, rows, reading).unwrap_err().to_string()
    };
    let plain = Reading::default();
    assert_eq!(
        read(&["a", "b"], &[vec!["1", "2"], vec!["1"]], &plain),
        "invalid rows: row 1 has 1 texts; 2 are accepted, one a column"
    );
    assert_eq!(
        read(&["a"], &[vec!["1"], vec!["-inf"]], &plain),
        "invalid column: a is infinite in row 1; finite numbers are accepted, NaN for missing"
    );
    assert!(read(&["a"], &[vec!["1e999"]], &plain).contains("a is infinite"));
    assert_eq!(
        read(&["since"], &[vec!["2024-01-01"]], &plain),
        "invalid cutoff: since holds dates; a cutoff to age them at, or its mark as categorical, is accepted"
    );
    assert_eq!(
        read(&["a"], &[vec!["1"]], &Reading { categorical: vec!["b".into()], ..plain.clone() }),
        "invalid categorical: b is absent; accepted are a"
    );
    let aged = Reading { cutoff: Some(0), ..plain };
    assert!(
        read(&["a", "a_age_days"], &[vec!["1960-01-01", "1"]], &aged).contains("a_age_days stands twice")
    );
}

fn values() -> impl Strategy<Value = Vec<(Option<f64>, Option<String>)>> {
    let finite = prop::num::f64::NORMAL | prop::num::f64::ZERO;
    prop::collection::vec((prop::option::of(finite), prop::option::of("[a-zé\"]{1,3}")), 1..20)
}

fn made(of: &[(Option<f64>, Option<String>)]) -> Frame {
    let mut levels: Vec<String> = of.iter().filter_map(|(_, text)| text.clone()).collect();
    levels.sort();
    levels.dedup();
    let code = |text: &Option<String>| {
        let at = text.as_ref().and_then(|text| levels.iter().position(|l| l == text));
        at.map_or(MISSING, |at| at as u32)
    };
    let numbers = of.iter().map(|(n, _)| n.unwrap_or(f64::NAN)).collect();
    let codes = of.iter().map(|(_, text)| code(text)).collect();
    Frame::new(
        vec!["n".into(), "t".into()],
        vec![Column::Number(numbers), Column::Category { codes, levels }],
    )
    .unwrap()
}

proptest! {
    #[test]
    fn json_gives_back_the_same(of in values()) {
        let of = made(&of);
        let text = serde_json::to_string(&of).unwrap();
        prop_assert_eq!(serde_json::from_str::<Frame>(&text).unwrap(), of);
    }

    #[test]
    fn stacked_rows_say_what_they_said(a in values(), b in values()) {
        let both = Frame::stack(&[&made(&a), &made(&b)]).unwrap();
        let all = [a, b].concat();
        let expected: Vec<_> = all.iter().map(|(_, text)| text.clone()).collect();
        prop_assert_eq!(texts(both.column("t").unwrap()), expected);
        let whole = made(&all);
        prop_assert_eq!(both.column("n"), whole.column("n"));
    }

    #[test]
    fn numbers_written_out_are_read_back(of in prop::collection::vec(-1e6..1e6_f64, 1..20)) {
        let texts: Vec<String> = of.iter().map(f64::to_string).collect();
        let rows: Vec<Vec<&str>> = texts.iter().map(|text| vec![text.as_str()]).collect();
        let frame = Frame::from_texts(&["n"], &rows, &Reading::default()).unwrap();
        prop_assert_eq!(frame.column("n"), Some(&Column::Number(of)));
    }

    #[test]
    fn no_text_brings_it_down(rows in prop::collection::vec("\\PC{0,24}", 0..6)) {
        let rows: Vec<Vec<&str>> = rows.iter().map(|text| vec![text.as_str()]).collect();
        let reading = Reading { cutoff: Some(i64::MIN), ..Reading::default() };
        if let Ok(frame) = Frame::from_texts(&["a"], &rows, &reading) {
            prop_assert_eq!(frame.rows(), rows.len());
        }
    }
}

#[test]
fn stored_frames_are_checked_too() {
    let bad = r#"{"names": ["c"], "columns": [{"category": {"codes": [1], "levels": ["x"]}}]}"#;
    let error = serde_json::from_str::<Frame>(bad).unwrap_err().to_string();
    assert!(error.contains("c has the code 1"), "{error}");
}
