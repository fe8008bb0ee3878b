//! Dates and times in a file's own formats and time zone.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, LocalResult, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::rows::Dates;

/// Formats that need no declaration.
const ISO: [&str; 6] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
];

/// Microseconds since 1970, UTC.
pub(crate) type Micros = i64;

/// Reads the times of one field.
#[derive(Debug)]
pub(crate) struct Times {
    formats: Vec<Vec<Item<'static>>>,
    iso: Vec<Vec<Item<'static>>>,
    zone: Tz,
    accepted: String,
}

/// Why a text is no usable time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadTime {
    /// No format fits.
    Unreadable,
    /// The hour is skipped when clocks go forward.
    NoSuchHour,
    /// Before 1900: a year with two digits, or a damaged date.
    TooOld,
}

impl Times {
    /// `formats` as in strftime; empty for ISO 8601. The error names what is wrong.
    pub(crate) fn new(formats: &[String], time_zone: Option<&str>) -> Result<Self, String> {
        let zone = match time_zone {
            None => Tz::UTC,
            Some(name) => name.parse().map_err(|_| {
                format!("time_zone = {name:?} is no IANA time zone; one like \"Europe/London\" is accepted")
            })?,
        };
        let compile = |format: &str| {
            StrftimeItems::new(format).parse_to_owned().map_err(|_| {
                format!(
                    "formats: {format:?} is no strftime format; one like \"%Y-%m-%d %H:%M:%S\" is accepted"
                )
            })
        };
        let iso: Vec<_> = ISO.iter().map(|format| compile(format)).collect::<Result<_, _>>()?;
        let own: Vec<_> = formats.iter().map(|format| compile(format)).collect::<Result<_, _>>()?;
        let accepted = match formats {
            [] => "a date or time like 2011-12-09 12:50:00".to_owned(),
            _ => {
                format!("a time like {}", formats.iter().map(|f| example(f)).collect::<Vec<_>>().join(" or "))
            }
        };
        Ok(Self { formats: if own.is_empty() { iso.clone() } else { own }, iso, zone, accepted })
    }

    /// What would be accepted, in words.
    pub(crate) fn accepted(&self) -> &str {
        &self.accepted
    }

    /// Reads a time. A file's own dates are read whatever the formats are.
    pub(crate) fn read(&self, text: &str, dates: Dates) -> Result<Micros, BadTime> {
        if let Some(micros) = self.read_plainly(text) {
            return micros;
        }
        let iso = if dates == Dates::Texts { &[] } else { &self.iso[..] };
        for items in self.formats.iter().chain(iso) {
            let mut parsed = Parsed::new();
            if parse(&mut parsed, text, items.iter()).is_ok() {
                if let Ok(fixed) = parsed.to_datetime() {
                    return checked(fixed.with_timezone(&Utc));
                }
                let date = parsed.to_naive_date();
                if let Ok(date) = date {
                    let time = parsed.to_naive_time().unwrap_or(NaiveTime::MIN);
                    return self.local(date.and_time(time));
                }
            }
        }
        match text.parse::<f64>() {
            Ok(serial) if dates == Dates::Serial => {
                self.local(excel_serial(serial).ok_or(BadTime::Unreadable)?)
            }
            _ => Err(BadTime::Unreadable),
        }
    }

    /// The most common form, "2010-12-01 08:26:00", without the general parser.
    fn read_plainly(&self, text: &str) -> Option<Result<Micros, BadTime>> {
        let bytes: &[u8; 19] = text.as_bytes().try_into().ok()?;
        let first = self.formats.first()?;
        // only when it is what the first format means as well
        if !self.iso.contains(first) && !is_plain(first) {
            return None;
        }
        let shape = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
        if shape.iter().any(|(at, byte)| bytes[*at] != *byte) {
            return None;
        }
        let number = |from: usize, to: usize| {
            bytes[from..to]
                .iter()
                .try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
        };
        let date = chrono::NaiveDate::from_ymd_opt(number(0, 4)? as i32, number(5, 7)?, number(8, 10)?)?;
        let time = date.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
        Some(self.local(time))
    }

    fn local(&self, time: NaiveDateTime) -> Result<Micros, BadTime> {
        if self.zone == Tz::UTC {
            return checked(time.and_utc());
        }
        match self.zone.from_local_datetime(&time) {
            // when clocks go back an hour happens twice: the first one is taken
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => checked(time.to_utc()),
            LocalResult::None => Err(BadTime::NoSuchHour),
        }
    }
}

fn is_plain(items: &[Item<'_>]) -> bool {
    StrftimeItems::new("%Y-%m-%d %H:%M:%S").eq(items.iter().cloned())
}

fn checked(time: DateTime<Utc>) -> Result<Micros, BadTime> {
    if time.timestamp() < -2_208_988_800 {
        return Err(BadTime::TooOld);
    }
    Ok(time.timestamp_micros())
}

fn example(format: &str) -> String {
    let time = chrono::NaiveDate::from_ymd_opt(2011, 12, 9).and_then(|date| date.and_hms_opt(12, 50, 0));
    let shown = time.map(|time| time.and_utc().format(format).to_string());
    shown.unwrap_or_else(|| format.to_owned())
}

/// The time of an Excel serial date: days since 1899-12-30, to the millisecond, which is as exact
/// as Excel is.
fn excel_serial(serial: f64) -> Option<NaiveDateTime> {
    // beyond these Excel has no dates
    if !(0.0..2_958_466.0).contains(&serial) {
        return None;
    }
    let epoch = chrono::NaiveDate::from_ymd_opt(1899, 12, 30)?.and_time(NaiveTime::MIN);
    let millis = (serial * 86_400_000.0).round() as i64;
    epoch.checked_add_signed(chrono::Duration::milliseconds(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(formats: &[&str], zone: Option<&str>) -> Times {
        let formats: Vec<String> = formats.iter().map(|f| (*f).to_owned()).collect();
        Times::new(&formats, zone).unwrap()
    }

    fn utc(text: &str) -> Micros {
        text.parse::<DateTime<Utc>>().unwrap().timestamp_micros()
    }

    #[test]
    fn reads_iso_without_being_told() {
        let times = times(&[], None);
        for text in [
            "2011-12-09 12:50:00",
            "2011-12-09T12:50:00",
            "2011-12-09T12:50:00Z",
            "2011-12-09T13:50:00+01:00",
            "2011-12-09 12:50",
            "2011-12-09 12:50:00.000",
        ] {
            assert_eq!(times.read(text, Dates::Texts), Ok(utc("2011-12-09T12:50:00Z")), "{text}");
        }
        assert_eq!(times.read("2011-12-09", Dates::Texts), Ok(utc("2011-12-09T00:00:00Z")));
        for bad in
            ["", "09/12/2011", "2011-13-09", "2011-02-30 10:00:00", "2011-12-09 25:00:00", "soon", "40513.5"]
        {
            assert_eq!(times.read(bad, Dates::Texts), Err(BadTime::Unreadable), "{bad}");
        }
        assert_eq!(times.read("0011-12-09", Dates::Texts), Err(BadTime::TooOld));
    }

    #[test]
    fn a_declared_format_is_the_only_one() {
        let british = times(&["%d/%m/%Y %H:%M", "%d/%m/%Y"], None);
        assert_eq!(british.read("01/12/2010 8:26", Dates::Texts), Ok(utc("2010-12-01T08:26:00Z")));
        assert_eq!(british.read("31/12/2010", Dates::Texts), Ok(utc("2010-12-31T00:00:00Z")));
        assert_eq!(british.read("12/31/2010 8:26", Dates::Texts), Err(BadTime::Unreadable));
        assert_eq!(british.read("2010-12-31", Dates::Texts), Err(BadTime::Unreadable));
        assert_eq!(british.accepted(), "a time like 09/12/2011 12:50 or 09/12/2011");
    }

    #[test]
    fn clocks_that_go_forward_and_back_are_heeded() {
        let london = times(&[], Some("Europe/London"));
        assert_eq!(london.read("2011-07-01 12:00:00", Dates::Texts), Ok(utc("2011-07-01T11:00:00Z")));
        assert_eq!(london.read("2011-12-01 12:00:00", Dates::Texts), Ok(utc("2011-12-01T12:00:00Z")));
        assert_eq!(london.read("2011-03-27 01:30:00", Dates::Texts), Err(BadTime::NoSuchHour));
        assert_eq!(london.read("2011-10-30 01:30:00", Dates::Texts), Ok(utc("2011-10-30T00:30:00Z")));
        assert!(Times::new(&[], Some("London")).unwrap_err().contains("Europe/London"));
        assert!(Times::new(&["%Q".to_owned()], None).unwrap_err().contains("%Q"));
    }

    #[test]
    fn spreadsheets_store_days_since_1900() {
        let times = times(&["%d/%m/%Y"], None);
        assert_eq!(times.read("40513.351388888892", Dates::Serial), Ok(utc("2010-12-01T08:26:00Z")));
        assert_eq!(times.read("2010-12-01 08:26:00", Dates::Serial), Ok(utc("2010-12-01T08:26:00Z")));
        assert_eq!(times.read("-5", Dates::Serial), Err(BadTime::Unreadable));
    }
}
