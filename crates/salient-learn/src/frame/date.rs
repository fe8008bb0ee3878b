//! Dates and times as texts (ISO 8601, extended form).

use crate::DAY_US;
use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Microseconds UTC of `2024-02-29`, `2024-02-29T13:45`, `2024-02-29 13:45:10.5+02:00` and the
/// like; without a zone it is UTC, without a time the start of the day. What is finer than a
/// microsecond is cut off. `None` for anything else, and for days that do not exist.
pub(crate) fn microseconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_at_checked(10)?;
    // chrono would take blanks, signs and short years
    let shaped = date.bytes().zip(*b"dddd-dd-dd").all(|(b, shape)| match shape {
        b'd' => b.is_ascii_digit(),
        dash => b == dash,
    });
    let day = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok().filter(|_| shaped)?;
    if time.is_empty() {
        let epoch = NaiveDate::default();
        return Some((day - epoch).num_days() * DAY_US);
    }
    let time = time.strip_prefix(['T', 't', ' ']).filter(|time| !time.contains(' '))?;
    let text = format!("{date}T{time}");
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"].into_iter().find_map(|format| {
        let zoned = DateTime::parse_from_str(&text, &format!("{format}%#z")).map(|at| at.timestamp_micros());
        let utc = || NaiveDateTime::parse_from_str(&text, format).map(|at| at.and_utc().timestamp_micros());
        zoned.or_else(|_| utc()).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        let s = 1_000_000;
        // as `date -u -d … +%s` prints them
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("1969-12-31", -86_400),
            ("2000-02-29", 951_782_400),
            ("2024-02-29T13:45", 1_709_214_300),
            ("2024-02-29 13:45:10Z", 1_709_214_310),
            ("2024-02-29T13:45:10+02:00", 1_709_207_110),
            ("2024-02-29T13:45:10-0530", 1_709_234_110),
            ("2024-02-29T13:45:10+02", 1_709_207_110),
            ("0001-01-01", -62_135_596_800),
            ("9999-12-31", 253_402_214_400),
        ] {
            assert_eq!(microseconds(text), Some(seconds * s), "{text}");
        }
        assert_eq!(microseconds("1970-01-01T00:00:00.5"), Some(500_000));
        assert_eq!(microseconds("1970-01-01T00:00:00.123456789Z"), Some(123_456));
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-01-00",
            "2024-1-1",
            "20240101",
            "2024-01-01T",
            "2024-01-01T24:00",
            "2024-01-01T10",
            "2024-01-01T10:00:",
            "2024-01-01T10:00:00.",
            "2024-01-01T10:00+",
            "2024-01-01X10:00",
            "2024-01-01T10:00:00:00",
            "2024-01-é1",
            "+024-01-01",
        ] {
            assert_eq!(microseconds(text), None, "{text}");
        }
    }
}
