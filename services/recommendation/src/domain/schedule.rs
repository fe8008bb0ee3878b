//! Days, windows and deadlines.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use salient_core::{Error, Result};

/// Days after which an item that nobody acted on expires.
pub const OPEN_DAYS: i64 = 7;

/// Days within which a recommendation should come true; what its probability speaks of.
pub const HORIZON_DAYS: i64 = 30;

/// Reads `YYYY-MM-DD`.
///
/// # Errors
/// A refusal of `field` when it is not a day of the calendar.
pub fn parse_day(field: &str, text: &str) -> Result<NaiveDate> {
    text.parse().map_err(|_| {
        Error::field(field, format!("{text:?} is not a day; a day such as 2011-11-09 is accepted"))
    })
}

/// The first moment of a day, UTC. A plan for the day uses nothing that happened at or after it.
#[must_use]
pub fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// When to make contact: nine to eleven in the morning of the day, or of the Monday after a
/// weekend. UTC until the contact's own hours are learned.
#[must_use]
pub fn contact_window(day: NaiveDate) -> (DateTime<Utc>, DateTime<Utc>) {
    let shift = match day.weekday() {
        Weekday::Sat => 2,
        Weekday::Sun => 1,
        _ => 0,
    };
    let start = start_of(day + Days::new(shift)) + TimeDelta::hours(9);
    (start, start + TimeDelta::hours(2))
}

/// When an item issued for `day` expires.
#[must_use]
pub fn deadline(day: NaiveDate) -> DateTime<Utc> {
    start_of(day) + TimeDelta::days(OPEN_DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weekend_moves_to_monday() {
        let day = |text: &str| parse_day("date", text).unwrap();
        assert_eq!(contact_window(day("2011-11-09")).0.to_rfc3339(), "2011-11-09T09:00:00+00:00");
        for weekend in ["2011-11-12", "2011-11-13"] {
            assert_eq!(contact_window(day(weekend)).0.to_rfc3339(), "2011-11-14T09:00:00+00:00");
        }
    }

    #[test]
    fn a_day_that_no_calendar_has_is_refused() {
        let error = parse_day("date", "2011-02-30").unwrap_err();
        assert_eq!(error.violations()[0].field, "date");
    }
}
