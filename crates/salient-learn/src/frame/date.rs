//! Dates and times as texts (ISO 8601, extended form).

use crate::DAY_US;

/// Microseconds UTC of `2024-02-29`, `2024-02-29T13:45`, `2024-02-29 13:45:10.5+02:00` and the
/// like; without a zone it is UTC, without a time the start of the day. `None` for anything else,
/// and for days that do not exist.
pub(super) fn microseconds(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let start = day(date)? * DAY_US;
    if rest.is_empty() {
        return Some(start);
    }
    let (clock, east) = zone(rest.strip_prefix(['T', 't', ' '])?)?;
    Some(start + time(clock)? - east)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-compatible
/// low-level date algorithms", `days_from_civil`).
fn day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=days_of(year, month)?).contains(&day) {
        return None;
    }
    // years begin in March, so that the leap day is the last of its year
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn days_of(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => Some(if leap { 29 } else { 28 }),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

/// The time without its zone, and how far the zone lies east of UTC in microseconds.
fn zone(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let (clock, offset) = text.split_at_checked(at)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':').or_else(|| offset.split_at_checked(2))?;
    let minutes = if minutes.is_empty() { 0 } else { below(minutes, 60)? };
    let east = (below(hours, 24)? * 60 + minutes) * 60_000_000;
    Some((clock, if sign == "-" { -east } else { east }))
}

/// Microseconds since midnight.
fn time(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (below(parts.next()?, 24)?, below(parts.next()?, 60)?);
    let seconds = parts.next().map_or(Some(0), seconds)?;
    Some((hours * 60 + minutes) * 60_000_000 + seconds)
}

/// Microseconds of `10` or `10.25`; what is finer than a microsecond is cut off.
fn seconds(text: &str) -> Option<i64> {
    let Some((whole, fraction)) = text.split_once('.') else { return Some(below(text, 60)? * 1_000_000) };
    digits(fraction, fraction.len())?;
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Some(below(whole, 60)? * 1_000_000 + digits(&micros, 6)?)
}

fn below(text: &str, end: i64) -> Option<i64> {
    digits(text, 2).filter(|n| *n < end)
}

/// A number of exactly so many digits; at most 18, which an `i64` holds.
fn digits(text: &str, many: usize) -> Option<i64> {
    let fits = text.len() == many && (1..=18).contains(&many);
    if fits && text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
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
