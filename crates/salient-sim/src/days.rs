//! Days, business days and the days on which an account orders.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeZone, Utc};

/// A day: days since 1970-01-01.
pub(crate) type Day = i32;

/// A day that never comes.
pub(crate) const NEVER: Day = i32::MAX;

/// The day of a date.
pub(crate) fn day_of(date: NaiveDate) -> Day {
    // chrono counts from 0001-01-01 as day 1
    date.num_days_from_ce() - 719_163
}

/// The day that a moment falls into, UTC.
pub(crate) fn day_at(at: DateTime<Utc>) -> Day {
    at.timestamp().div_euclid(86_400) as Day
}

/// Midnight, UTC, at the start of a day, plus seconds.
pub(crate) fn moment(day: Day, seconds: u32) -> DateTime<Utc> {
    let seconds = i64::from(day) * 86_400 + i64::from(seconds);
    Utc.timestamp_opt(seconds, 0).single().unwrap_or_default()
}

/// The date of a day.
pub(crate) fn date_of(day: Day) -> NaiveDate {
    let epoch = NaiveDate::default();
    if day >= 0 {
        epoch.checked_add_days(Days::new(day as u64)).unwrap_or(NaiveDate::MAX)
    } else {
        epoch.checked_sub_days(Days::new(u64::from(day.unsigned_abs()))).unwrap_or(NaiveDate::MIN)
    }
}

/// 0 for Monday to 6 for Sunday.
pub(crate) fn weekday(day: Day) -> i32 {
    (day + 3).rem_euclid(7)
}

/// True on Monday to Friday.
pub(crate) fn is_business(day: Day) -> bool {
    weekday(day) < 5
}

/// Business days before a day, counted from a fixed Monday.
pub(crate) fn business_before(day: Day) -> i32 {
    (day + 3).div_euclid(7) * 5 + weekday(day).min(5)
}

/// The business day with this number; the inverse of `business_before` on business days.
pub(crate) fn business_day(number: i32) -> Day {
    number.div_euclid(5) * 7 - 3 + number.rem_euclid(5)
}

/// The business day that comes `failures` business days after the first one at or after `from`.
pub(crate) fn business_after(from: Day, failures: i32) -> Day {
    match business_before(from).checked_add(failures) {
        Some(number) if number < 1_000_000 => business_day(number),
        _ => NEVER,
    }
}

/// The days on which an account orders: every `every`-th business day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderingDays {
    /// Business days from one ordering day to the next.
    pub(crate) every: i32,
    /// Which of them.
    pub(crate) phase: i32,
}

impl OrderingDays {
    /// The first ordering day at or after a day.
    pub(crate) fn at_or_after(self, day: Day) -> Day {
        if day >= NEVER - 1_000 {
            return NEVER;
        }
        let number = business_before(day);
        let wait = (self.phase - number).rem_euclid(self.every);
        business_day(number + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree() {
        let monday = NaiveDate::from_ymd_opt(2026, 6, 29).unwrap();
        let day = day_of(monday);
        assert_eq!(date_of(day), monday);
        assert_eq!(weekday(day), 0);
        assert_eq!(day_at(moment(day, 86_399)), day);
        assert_eq!(date_of(day_of(NaiveDate::from_ymd_opt(1960, 2, 29).unwrap())).to_string(), "1960-02-29");
    }

    #[test]
    fn business_days_count_every_weekday_once() {
        let mut number = business_before(-1_000);
        for day in -1_000..1_000 {
            assert_eq!(business_before(day), number, "day {day}");
            if is_business(day) {
                assert_eq!(business_day(number), day);
                number += 1;
            }
        }
    }

    #[test]
    fn ordering_days_are_business_days_in_rhythm() {
        let days = OrderingDays { every: 3, phase: 1 };
        let mut day = days.at_or_after(20_000);
        for _ in 0..50 {
            assert!(is_business(day));
            assert_eq!(days.at_or_after(day), day);
            let next = days.at_or_after(day + 1);
            assert_eq!(business_before(next) - business_before(day), 3);
            day = next;
        }
    }
}
