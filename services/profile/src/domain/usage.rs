//! What machines and products report, added up by day.
//!
//! Values are counted in millionths and added as whole numbers, so that a sum does not depend on
//! the order of its parts: batches may come late, in any order and in any cut, and make the same
//! days.

use std::{cmp::Ordering, collections::HashMap};

use chrono::{DateTime, Utc};
use salient_core::Reason;
use salient_proto::profile::v1::{Device, Reading, UsageDay};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Faults, Refusal,
    batch::Accounts,
    record::{AccountRef, timestamp, timestamp_micros},
};

/// Parts of one.
const SCALE: f64 = 1e6;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What was measured in a day: how often, and what the values add up to. Values are in millionths,
/// times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Readings.
    pub readings: i64,
    /// Their sum.
    pub sum: i128,
    /// The smallest.
    pub min: i64,
    /// The largest.
    pub max: i64,
    /// When the last one was measured, and its value; of several at one time the largest.
    pub last: (i64, i64),
    /// When the first one was measured.
    pub first_time: i64,
}

impl Tally {
    /// One reading.
    #[must_use]
    pub fn one(time: i64, value: f64) -> Self {
        // the cast saturates; the contract keeps values far from the ends
        let value = (value * SCALE).round() as i64;
        let sum = i128::from(value);
        Self { readings: 1, sum, min: value, max: value, last: (time, value), first_time: time }
    }

    /// Adds the readings of another one; the order makes no difference.
    pub fn merge(&mut self, other: &Self) {
        self.readings = self.readings.saturating_add(other.readings);
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.last = self.last.max(other.last);
        self.first_time = self.first_time.min(other.first_time);
    }
}

/// Values in millionths as numbers.
pub fn number(millionths: i128) -> f64 {
    millionths as f64 / SCALE
}

/// Of which day, metric and unit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// When the day begins, in microseconds.
    pub day: i64,
    /// What was measured.
    pub metric: String,
    /// The unit.
    pub unit: String,
}

impl Series {
    /// The same id for the same day, metric and unit, whosever.
    pub fn id(&self) -> Uuid {
        let mut hash = Sha256::new();
        hash.update(self.day.to_be_bytes());
        hash.update((self.metric.len() as u64).to_be_bytes());
        hash.update(&self.metric);
        hash.update(&self.unit);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Uuid::from_bytes(bytes)
    }
}

/// What a day of a series shows.
pub fn message(account: String, series: &Series, tally: &Tally) -> UsageDay {
    UsageDay {
        account,
        day: Some(timestamp(series.day)),
        metric: series.metric.clone(),
        unit: series.unit.clone(),
        count: tally.readings,
        sum: number(tally.sum),
        min: number(tally.min.into()),
        max: number(tally.max.into()),
        last: number(tally.last.1.into()),
        first_time: Some(timestamp(tally.first_time)),
        last_time: Some(timestamp(tally.last.0)),
        device: String::new(),
    }
}

/// Whose reading it is, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Account(AccountRef),
    Device,
}

/// Readings that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Alike {
    whose: Whose,
    device: String,
    series: Series,
}

/// The readings of a batch, looked at one by one and added up as far as they are alike. Making it
/// needs no database.
#[derive(Debug)]
pub struct Readings {
    alike: HashMap<Alike, (Tally, Vec<usize>)>,
    refused: Vec<(usize, Refusal)>,
}

/// Whose day it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The account.
    pub account: Uuid,
    /// The device; empty for all of them and none together.
    pub device: String,
    /// The day, metric and unit.
    pub series: Series,
}

/// What is to be added to which days.
#[derive(Debug, Default)]
pub struct Added {
    /// By day.
    pub days: HashMap<Place, Tally>,
    /// Readings that count.
    pub taken: i64,
    /// Positions of refused readings, ascending, each with its reason.
    pub refused: Vec<(usize, Refusal)>,
}

impl Readings {
    /// Looks at every reading by itself. `latest` is the latest time that a reading may carry.
    pub fn prepare(readings: Vec<Reading>, latest: DateTime<Utc>) -> Self {
        let mut made = Self { alike: HashMap::new(), refused: Vec::new() };
        for (index, reading) in readings.into_iter().enumerate() {
            let mut faults = Faults::of(&reading, latest);
            faults.key("account_key", reading.account_key.as_ref());
            faults.text("unit", &reading.unit);
            let time = reading.time.as_ref().map(timestamp_micros).unwrap_or_default();
            faults.past("time", reading.time.as_ref());
            if !reading.value.is_finite() {
                faults.add("value", "a finite number is accepted");
            }
            let whose = match AccountRef::read(&reading.account, reading.account_key.as_ref()) {
                Ok(AccountRef::Missing) if reading.device.is_empty() => {
                    faults.add("account", "one of account, account_key and device is required");
                    Whose::Device
                }
                Ok(AccountRef::Missing) => Whose::Device,
                Ok(account) => Whose::Account(account),
                Err(refusal) => {
                    faults.add(refusal.field, refusal.message);
                    Whose::Device
                }
            };
            if let Some(refusal) = faults.into_refusal() {
                made.refused.push((index, refusal));
                continue;
            }
            let series =
                Series { day: time.div_euclid(DAY) * DAY, metric: reading.metric, unit: reading.unit };
            let one = Tally::one(time, reading.value);
            let (_, positions) = made
                .alike
                .entry(Alike { whose, device: reading.device, series })
                .and_modify(|(tally, _)| tally.merge(&one))
                .or_insert((one, Vec::new()));
            positions.push(index);
        }
        made
    }

    /// How the readings name their accounts.
    pub fn account_refs(&self) -> impl Iterator<Item = &AccountRef> {
        self.alike.keys().filter_map(|alike| match &alike.whose {
            Whose::Account(account) => Some(account),
            Whose::Device => None,
        })
    }

    /// The devices whose accounts are to be found.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        let unplaced = self.alike.keys().filter(|alike| alike.whose == Whose::Device);
        unplaced.map(|alike| alike.device.as_str())
    }

    /// Says what is to be added, given which accounts there are and at which accounts devices are.
    pub fn place(self, accounts: &Accounts, devices: &HashMap<String, Uuid>) -> Added {
        let mut added = Added { refused: self.refused, ..Added::default() };
        for (Alike { whose, device, series }, (tally, positions)) in self.alike {
            let account = match &whose {
                Whose::Account(account) => accounts.find(account).map(Option::unwrap_or_default),
                Whose::Device => devices.get(&device).copied().ok_or_else(|| Refusal {
                    field: "device".to_owned(),
                    reason: Reason::AccountUnknown,
                    message: format!("{device} is at no account; a device that was told of is accepted"),
                }),
            };
            let account = match account {
                Ok(account) => account,
                Err(refusal) => {
                    let refused = positions.into_iter().map(|index| (index, refusal.clone()));
                    added.refused.extend(refused);
                    continue;
                }
            };
            added.taken += tally.readings;
            let mut places = vec![Place { account, device: String::new(), series }];
            if !device.is_empty() {
                places.push(Place { device, ..places[0].clone() });
            }
            for place in places {
                added.days.entry(place).and_modify(|known| known.merge(&tally)).or_insert(tally);
            }
        }
        added.refused.sort_by_key(|(index, _)| *index);
        added
    }
}

/// What is wrong with a device by itself, and where it is.
///
/// # Errors
/// What is wrong with it.
pub fn check_device(device: &Device, latest: DateTime<Utc>) -> Result<AccountRef, Refusal> {
    let mut faults = Faults::of(device, latest);
    faults.key("account_key", device.account_key.as_ref());
    faults.text("display_name", &device.display_name);
    faults.name::<salient_core::ProductId>("product", &device.product);
    if let Some(refusal) = faults.into_refusal() {
        return Err(refusal);
    }
    match AccountRef::read(&device.account, device.account_key.as_ref())? {
        AccountRef::Missing => Err(AccountRef::missing()),
        account => Ok(account),
    }
}

/// Days of one series next to each other become one; `days` are in the order of a list.
pub fn meet(days: Vec<(Series, Uuid, Tally)>) -> Vec<(Series, Uuid, Tally)> {
    let mut met: Vec<(Series, Uuid, Tally)> = Vec::with_capacity(days.len());
    for (series, id, tally) in days {
        match met.last_mut() {
            Some((last, _, known)) if *last == series => known.merge(&tally),
            _ => met.push((series, id, tally)),
        }
    }
    met
}

/// The order of a list: newest day first.
pub fn newest_first(one: &(Series, Uuid, Tally), other: &(Series, Uuid, Tally)) -> Ordering {
    (other.0.day, other.1).cmp(&(one.0.day, one.1))
}

#[cfg(test)]
mod tests {
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
        let fields: Vec<_> =
            refused.iter().map(|(index, refusal)| (*index, refusal.field.as_str())).collect();
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
}
