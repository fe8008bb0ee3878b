//! Hours of the week on somebody's own clock.

use crate::Error;
use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One of the 168 hours of a week, local time; ordered from Monday 0 h to Sunday 23 h.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Cell(u8);

impl Cell {
    /// How many there are.
    pub const COUNT: u8 = 168;

    /// The cell of `weekday` (0 Monday to 6 Sunday) that begins at `hour` (0 to 23).
    ///
    /// # Errors
    /// [`Error::Invalid`] outside these ranges.
    pub fn new(weekday: u8, hour: u8) -> Result<Self, Error> {
        if weekday > 6 || hour > 23 {
            let why = format!("weekday {weekday}, hour {hour}; accepted are 0 (Monday) to 6 and 0 to 23");
            return Err(Error::invalid("cell", why));
        }
        Ok(Self(weekday * 24 + hour))
    }

    /// The cell that an instant (microseconds UTC) falls into on the clocks of `tz`, summer time
    /// included: the hour skipped in spring never occurs, the one repeated in autumn occurs twice.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an instant more than some 260 000 years away.
    pub fn of(time_us: i64, tz: Tz) -> Result<Self, Error> {
        let utc = DateTime::from_timestamp_micros(time_us).ok_or_else(|| {
            Error::invalid("time", format!("{time_us} microseconds UTC is beyond any calendar"))
        })?;
        let local = utc.with_timezone(&tz);
        Self::new(local.weekday().num_days_from_monday() as u8, local.hour() as u8)
    }

    /// All cells, ascending.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Day of the week, 0 Monday to 6 Sunday.
    #[must_use]
    pub fn weekday(self) -> u8 {
        self.0 / 24
    }

    /// Hour at which it begins, 0 to 23.
    #[must_use]
    pub fn hour(self) -> u8 {
        self.0 % 24
    }

    /// The hours just before and after on the same day, as far as the day has them.
    pub(super) fn beside(self) -> impl Iterator<Item = Self> {
        let before = (self.hour() > 0).then(|| Self(self.0 - 1));
        let after = (self.hour() < 23).then(|| Self(self.0 + 1));
        before.into_iter().chain(after)
    }
}

impl From<Cell> for u8 {
    fn from(cell: Cell) -> Self {
        cell.0
    }
}

impl TryFrom<u8> for Cell {
    type Error = Error;

    fn try_from(index: u8) -> Result<Self, Error> {
        Self::new(index / 24, index % 24)
    }
}

/// The hours of the week in which contact is allowed, on the contact's own clock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hours(BTreeSet<Cell>);

impl Hours {
    /// Every hour of the week.
    #[must_use]
    pub fn all() -> Self {
        Cell::all().collect()
    }

    /// The hours `from..until` (until at most 24, not included) of the `weekdays` (0 Monday).
    ///
    /// # Errors
    /// [`Error::Invalid`] if a weekday or hour does not exist or the range is empty.
    pub fn between(weekdays: &[u8], from: u8, until: u8) -> Result<Self, Error> {
        if from >= until || until > 24 {
            return Err(Error::invalid(
                "hours",
                format!("{from} to {until}; accepted is 0 <= from < until <= 24"),
            ));
        }
        weekdays.iter().flat_map(|&day| (from..until).map(move |hour| Cell::new(day, hour))).collect()
    }

    /// Whether contact is allowed in `cell`.
    #[must_use]
    pub fn contains(&self, cell: Cell) -> bool {
        self.0.contains(&cell)
    }
}

impl FromIterator<Cell> for Hours {
    fn from_iter<I: IntoIterator<Item = Cell>>(cells: I) -> Self {
        Self(cells.into_iter().collect())
    }
}

/// The time zone of an IANA name.
///
/// # Errors
/// [`Error::Invalid`] for a name the IANA database does not hold.
pub fn zone(name: &str) -> Result<Tz, Error> {
    name.parse().map_err(|_| {
        let shown: String = name.chars().take(64).collect();
        let accepted =
            "accepted are IANA names as written there, such as Europe/Berlin, America/New_York or UTC";
        Error::invalid("time zone", format!("{shown:?} is unknown; {accepted}; no offsets such as +02:00"))
    })
}
