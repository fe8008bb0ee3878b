//! The best time to contact somebody. A run learns from all attempts how everybody, and the contacts of an
//! industry, can be reached by the hour of the week; somebody's own attempts are looked at when it is asked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use salient_learn::contact_time::{Attempt, Cell, Config, Hours, Tallies, Times, Window, tallies, zone};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Found;

/// A way to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By telephone.
    Call,
    /// By e-mail.
    Email,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Call, Self::Email];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Email => "email",
        }
    }

    /// From what is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }
}

/// Somebody who can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The contact that names them.
    pub id: Uuid,
    /// Where they are, as an IANA name; empty where that is not known.
    pub time_zone: String,
    /// The industry of their account; empty where that is not known.
    pub segment: String,
}

impl Person {
    /// The clock they live by: UTC where nothing better is known.
    #[must_use]
    pub fn zone(&self) -> Tz {
        zone(&self.time_zone).unwrap_or(Tz::UTC)
    }
}

/// An attempt to reach somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Whom.
    pub person: Person,
    /// When, microseconds UTC.
    pub time: i64,
    /// How.
    pub channel: Channel,
    /// Whether it reached them.
    pub reached: bool,
}

/// What a run has learned, for each channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    segments: BTreeMap<String, u32>,
    times: BTreeMap<Channel, Found<Times>>,
}

impl Reached {
    /// Learns.
    #[must_use]
    pub fn learn(tried: &[Tried]) -> Self {
        let segments: BTreeSet<&str> = tried.iter().map(|tried| tried.person.segment.as_str()).collect();
        let segments: BTreeMap<String, u32> = segments.into_iter().map(str::to_owned).zip(0..).collect();
        let people: BTreeSet<Uuid> = tried.iter().map(|tried| tried.person.id).collect();
        let people: BTreeMap<Uuid, u32> = people.into_iter().zip(0..).collect();
        let times = |channel| {
            let of = tried.iter().filter(|tried| tried.channel == channel);
            let attempt = |tried: &Tried| {
                Some(Attempt {
                    contact: *people.get(&tried.person.id)?,
                    segment: *segments.get(&tried.person.segment)?,
                    cell: Cell::of(tried.time, tried.person.zone()).ok()?,
                    reached: tried.reached,
                    channel: None,
                })
            };
            let attempts: Vec<Attempt> = of.filter_map(attempt).collect();
            let times = Times::fit(&attempts, Config::default()).map(Times::without_contacts);
            (channel, times.map_err(Into::into))
        };
        Self { times: Channel::ALL.into_iter().map(times).collect(), segments }
    }

    /// The most promising windows for a person within the hours that are allowed, by what they did themselves
    /// (`tried`, of any channel) and others like them.
    ///
    /// # Errors
    /// Too few attempts to learn from.
    pub fn best(
        &self,
        of: &Person,
        tried: &[Tried],
        channel: Channel,
        allowed: &Hours,
    ) -> Found<Vec<Window>> {
        /// Windows at most.
        const MOST: usize = 3;
        let own: Tallies =
            tallies(tried.iter().filter(|tried| tried.channel == channel).filter_map(|tried| {
                let cell = Cell::of(tried.time, of.zone()).ok()?;
                Some((cell, tried.reached))
            }));
        let none =
            || super::Lacking(format!("no attempts by {} were known to the last run", channel.as_str()));
        let times = self.times.get(&channel).ok_or_else(none)?.as_ref().map_err(Clone::clone)?;
        // a segment that nobody knew is that of everybody
        let segment = self.segments.get(&of.segment).copied().unwrap_or(u32::MAX);
        Ok(times.best_for(Some(&own), segment, allowed, MOST))
    }
}

/// The next moment, from `now` on, that lies in a window on a clock.
#[must_use]
pub fn next(window: &Window, clock: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // clocks differ by quarters of an hour
    const STEP_MINUTES: i64 = 15;
    let within = |at: &DateTime<Utc>| {
        Cell::of(at.timestamp_micros(), clock).is_ok_and(|cell| {
            cell.weekday() == window.weekday && (window.from_hour..window.until_hour).contains(&cell.hour())
        })
    };
    if within(&now) {
        return Some(now);
    }
    let step = STEP_MINUTES * 60;
    let begin = DateTime::from_timestamp(now.timestamp().div_euclid(step) * step, 0)?;
    // a week, and the day on which a clock may skip an hour
    (1..=8 * 24 * 60 / STEP_MINUTES)
        .map(|quarter| begin + TimeDelta::minutes(quarter * STEP_MINUTES))
        .find(within)
}
