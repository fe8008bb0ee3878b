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
mod tests;
