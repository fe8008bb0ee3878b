use proptest::prelude::*;
use prost_types::Timestamp;
use salient_proto::common::v1::SourceKey;

use super::*;

fn reading(account: &str, device: &str, metric: &str, seconds: i64, value: f64) -> Reading {
    let key = SourceKey { source: "s".into(), id: account.into() };
    Reading {
        account_key: (!account.is_empty()).then_some(key),
        device: device.into(),
        metric: metric.into(),
        time: Some(Timestamp { seconds, nanos: 0 }),
        value,
        ..Reading::default()
    }
}

fn known() -> (Accounts, HashMap<String, Uuid>) {
    let mut accounts = Accounts::default();
    for (number, id) in ["a", "b"].into_iter().enumerate() {
        let key = SourceKey { source: "s".into(), id: id.into() };
        accounts.by_key.insert(key, Uuid::from_u128(number as u128 + 1));
    }
    (accounts, HashMap::from([("d1".to_owned(), Uuid::from_u128(1))]))
}

fn latest() -> DateTime<Utc> {
    "2011-06-01T00:00:00Z".parse().unwrap()
}

fn add(days: &mut HashMap<Place, Tally>, batch: Vec<Reading>) -> (i64, Vec<(usize, Refusal)>) {
    let (accounts, devices) = known();
    let added = Readings::prepare(batch, latest()).place(&accounts, &devices);
    for (place, tally) in added.days {
        days.entry(place).and_modify(|known| known.merge(&tally)).or_insert(tally);
    }
    (added.taken, added.refused)
}

#[test]
fn readings_are_added_up_by_account_device_metric_and_day() {
    let mut days = HashMap::new();
    let batch = vec![
        reading("a", "d1", "hours", 100, 1.5),
        reading("", "d1", "hours", 50, 2.0),
        reading("a", "", "hours", 90_000, 4.0),
        reading("b", "d2", "hours", 10, -1.0),
    ];
    assert_eq!(add(&mut days, batch), (4, vec![]));
    // day 0 of a: all and d1; day 1 of a: all; day 0 of b: all and d2
    assert_eq!(days.len(), 5);
    let series = Series { day: 0, metric: "hours".into(), unit: String::new() };
    let place = Place { account: Uuid::from_u128(1), device: String::new(), series };
    let tally = days[&place];
    assert_eq!((tally.readings, number(tally.sum)), (2, 3.5));
    assert_eq!((tally.min, tally.max), (1_500_000, 2_000_000));
    assert_eq!((tally.first_time, tally.last), (50_000_000, (100_000_000, 1_500_000)));
}

#[test]
fn bad_readings_are_refused_by_themselves() {
    let mut future = reading("a", "", "hours", 0, 1.0);
    future.time = Some(Timestamp { seconds: latest().timestamp() + 1, nanos: 0 });
    let batch = vec![
        reading("nobody", "", "hours", 0, 1.0),
        reading("", "d9", "hours", 0, 1.0),
        reading("", "", "hours", 0, 1.0),
        reading("a", "", "Hours!", 0, 1.0),
        reading("a", "", "hours", 0, f64::NAN),
        future,
        reading("a", "", "hours", 0, 1.0),
    ];
    let (taken, refused) = add(&mut HashMap::new(), batch);
    let fields: Vec<_> = refused.iter().map(|(index, refusal)| (*index, refusal.field.as_str())).collect();
    let expected =
        [(0, "account_key"), (1, "device"), (2, "account"), (3, "metric"), (4, "value"), (5, "time")];
    assert_eq!((taken, fields), (1, expected.to_vec()));
    assert_eq!(refused[5].1.reason, Reason::DateInFuture);
}

proptest! {
    #[test]
    fn any_order_and_cut_of_batches_makes_the_same_days(
        rows in prop::collection::vec(
            (0_usize..2, 0_usize..3, 0_usize..2, -200_000_i64..200_000, -1e12_f64..1e12),
            1..60,
        ),
        cuts in prop::collection::vec(1_usize..20, 1..10),
        seed in any::<u64>(),
    ) {
        let readings: Vec<Reading> = rows
            .iter()
            .map(|(account, device, metric, seconds, value)| {
                reading(["a", "b"][*account], ["", "d1", "d2"][*device], ["hours", "kwh"][*metric], *seconds, *value)
            })
            .collect();
        let mut whole = HashMap::new();
        add(&mut whole, readings.clone());
        let mut shuffled = readings;
        let length = shuffled.len();
        for place in 0..length {
            let step = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(place as u64 * 7_919);
            shuffled.swap(place, (step >> 33) as usize % length);
        }
        let mut parts = HashMap::new();
        let mut rest = shuffled.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (batch, left) = rest.split_at((*cut).min(rest.len()));
            add(&mut parts, batch.to_vec());
            rest = left;
        }
        prop_assert_eq!(whole, parts);
    }
}
