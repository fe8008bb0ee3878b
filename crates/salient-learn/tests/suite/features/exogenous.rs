//! Series joined as of their publication.

use salient_learn::{
    DAY_US, Error,
    features::{AttributeSet, Declaration, Exogenous, Plan, Point, Schema, Subject, Value},
    frame::Column,
};

fn point(valid: i64, published: i64, value: f64) -> Point {
    Point { region: 3, series: 0, valid_time: valid * DAY_US, published: published * DAY_US, value }
}

/// A harvest estimate for day 10 that comes out on day 20, is revised on day 40, is followed by one
/// for day 30 on day 35, and the estimate for day 10 is revised once more on day 50.
#[test]
fn late_publication_and_revisions() {
    let series = Exogenous::new([
        point(10, 20, 1.0),
        point(30, 60, 4.0),
        point(10, 40, 2.0),
        point(30, 35, 3.0),
        point(10, 50, 9.0),
    ])
    .unwrap();
    let at = |day: i64| series.as_of(3, 0, day * DAY_US);
    assert_eq!(at(15), None);
    // published at the cutoff is not known before it
    assert_eq!(at(20), None);
    assert_eq!(series.as_of(3, 0, 20 * DAY_US + 1), Some(1.0));
    assert_eq!(at(35), Some(1.0));
    assert_eq!(at(36), Some(3.0));
    // revisions of an older instant do not come before the newer one
    assert_eq!((at(45), at(60)), (Some(3.0), Some(3.0)));
    // a revision of the newest instant does
    assert_eq!(at(61), Some(4.0));
    assert_eq!(series.as_of(4, 0, 99 * DAY_US), None);
    assert_eq!(series.as_of(3, 1, 99 * DAY_US), None);
}

#[test]
fn the_change_is_against_what_was_known_then() {
    let mut schema = Schema::default();
    let size = schema.attribute("size", salient_learn::features::Kind::Number).unwrap();
    schema.series("wheat").unwrap();
    let declaration =
        Declaration { windows: vec![30], keep: vec!["series_*".into()], ..Declaration::default() };
    let plan = Plan::new(&declaration, &schema).unwrap();
    assert_eq!(plan.names().collect::<Vec<_>>(), ["series_wheat", "series_wheat_change_30d"]);
    // day 5 was first said to be 100, and only after day 40 corrected to 50
    let series = Exogenous::new([point(5, 6, 100.0), point(5, 45, 50.0), point(60, 61, 130.0)]).unwrap();
    let set = |known| AttributeSet { known, attribute: size, value: Value::Number(1.0) };
    let there = Subject::new(Some(3), vec![], vec![set(0)]).unwrap();
    let nowhere = Subject::new(None, vec![], vec![set(0)]).unwrap();
    let cutoffs = [20, 70, 80].map(|day| day * DAY_US);
    let (frame, keys) = plan.build([(0, &there), (1, &nowhere)], &cutoffs, &series).unwrap();
    assert_eq!(keys.len(), 6);
    let nan = f64::NAN;
    assert_eq!(frame.columns()[0], Column::Number(vec![100.0, 130.0, 130.0, nan, nan, nan]));
    // at day 20 nothing was known 30 days before; at 70 it is against day 40, at 80 against day 50
    assert_eq!(frame.columns()[1], Column::Number(vec![nan, 30.0, 80.0, nan, nan, nan]));
}

#[test]
fn points_that_are_refused() {
    for (point, message) in [
        (
            Point { value: f64::INFINITY, ..point(1, 1, 0.0) },
            "invalid value: inf in region 3; finite numbers are accepted",
        ),
        (
            Point { published: i64::MAX, ..point(1, 1, 0.0) },
            "invalid published: 9223372036854775807; microseconds UTC of the years 1 to 9999 are accepted",
        ),
    ] {
        let error: Error = Exogenous::new([point]).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
