//! The one source of time.
//!
//! Everything that needs "now" is handed a [`Clock`]; the wall clock is banned elsewhere by
//! `clippy.toml`. Times are UTC and cut to microseconds, because that is what the stores
//! keep: a time that went through a database equals the one that did not.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::{Builder, Uuid};

/// How far the clock of a sender may run ahead of ours before its records count as dated
/// in the future.
pub const SKEW: TimeDelta = TimeDelta::minutes(5);

/// A clock, cheap to clone; clones share their state.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    kind: Kind,
    ids: Mutex<IdState>,
}

enum Kind {
    System,
    /// `now` is `offset` microseconds plus the monotonic time since `started`.
    Replay {
        started: Instant,
        offset: AtomicI64,
    },
    Manual {
        at: AtomicI64,
    },
}

/// The last millisecond in which an id was made, and the counter within it.
#[derive(Default)]
struct IdState {
    millis: u64,
    counter: u64,
}

impl Clock {
    fn of(kind: Kind) -> Self {
        Self(Arc::new(Inner { kind, ids: Mutex::default() }))
    }

    /// The wall clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self::of(Kind::System)
    }

    /// A clock that stands at `at` when it is made and then runs at the usual speed, so
    /// that past data is lived through as if today were any day in it.
    #[must_use]
    pub fn replay(at: DateTime<Utc>) -> Self {
        Self::of(Kind::Replay { started: Instant::now(), offset: AtomicI64::new(to_micros(at)) })
    }

    /// A clock that moves only when it is told to.
    #[must_use]
    pub fn manual(at: DateTime<Utc>) -> Self {
        Self::of(Kind::Manual { at: AtomicI64::new(to_micros(at)) })
    }

    /// The time, UTC, cut to microseconds.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        from_micros(self.now_micros())
    }

    /// The time as stored: microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn now_micros(&self) -> i64 {
        match &self.0.kind {
            Kind::System => to_micros(wall()),
            Kind::Replay { started, offset } => {
                offset.load(Ordering::SeqCst).saturating_add(elapsed_micros(started))
            }
            Kind::Manual { at } => at.load(Ordering::SeqCst),
        }
    }

    /// Jumps to `at`. Returns whether the clock could: the system clock cannot be set.
    pub fn set(&self, at: DateTime<Utc>) -> bool {
        let at = to_micros(at);
        match &self.0.kind {
            Kind::System => return false,
            Kind::Replay { started, offset } => {
                offset.store(at.saturating_sub(elapsed_micros(started)), Ordering::SeqCst);
            }
            Kind::Manual { at: stored } => stored.store(at, Ordering::SeqCst),
        }
        true
    }

    /// Jumps ahead by `by` (back, if negative). Returns whether the clock could.
    pub fn advance(&self, by: TimeDelta) -> bool {
        let by = by.num_microseconds().unwrap_or(i64::MAX);
        match &self.0.kind {
            Kind::System => return false,
            Kind::Replay { offset: at, .. } | Kind::Manual { at } => {
                at.fetch_add(by, Ordering::SeqCst);
            }
        }
        true
    }

    /// The latest date that a record may carry without being "in the future".
    ///
    /// On the system clock this is now plus [`SKEW`]. On a replay clock it is the real now:
    /// rows dated after the virtual now exist, they are just not known yet. On a manual
    /// clock it is now.
    #[must_use]
    pub fn latest(&self) -> DateTime<Utc> {
        match &self.0.kind {
            Kind::System => self.now() + SKEW,
            Kind::Replay { .. } => wall(),
            Kind::Manual { .. } => self.now(),
        }
    }

    /// Whether this is the wall clock, and not a replay or a manual one.
    #[must_use]
    pub fn is_system(&self) -> bool {
        matches!(self.0.kind, Kind::System)
    }

    /// A new UUIDv7 at [`Clock::now`].
    ///
    /// Ids made by one clock within one millisecond ascend (RFC 9562, 6.2, method 1), which
    /// keeps inserts at the right edge of an index. The `uuid` crate's own shared counter
    /// is not used: it never goes back, so one id at the wall clock would spoil all later
    /// ids of a replay.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        // The top bit of the 42-bit counter starts at zero, so that it never overflows.
        const SEED: u64 = (1 << 41) - 1;
        let mut state = self.0.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = u64::try_from(self.now_micros().max(0) / 1_000).unwrap_or_default();
        let random: u64 = rand::random();
        if state.millis == millis {
            state.counter += 1;
        } else {
            *state = IdState { millis, counter: (random >> 20) & SEED };
        }
        let counter = state.counter;
        drop(state);
        let tail: u64 = rand::random();
        let mut bytes = [0; 10];
        // 4 bits that become the version, 12 of the counter; 2 that become the variant,
        // 30 of the counter, 32 of chance.
        let high = (counter >> 30) as u16 & 0x0fff;
        let low = (counter & 0x3fff_ffff) as u32;
        bytes[..2].copy_from_slice(&high.to_be_bytes());
        bytes[2..6].copy_from_slice(&low.to_be_bytes());
        bytes[6..].copy_from_slice(&(tail as u32).to_be_bytes());
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0.kind {
            Kind::System => "system",
            Kind::Replay { .. } => "replay",
            Kind::Manual { .. } => "manual",
        };
        f.debug_struct("Clock").field("kind", &kind).field("now", &self.now()).finish()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall() -> DateTime<Utc> {
    micros(Utc::now())
}

fn elapsed_micros(since: &Instant) -> i64 {
    i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX)
}

/// Cuts a time to whole microseconds (towards the past).
#[must_use]
pub fn micros(at: DateTime<Utc>) -> DateTime<Utc> {
    from_micros(at.timestamp_micros())
}

/// A time as it is stored: microseconds since 1970-01-01T00:00:00Z, rounded down.
#[must_use]
pub fn to_micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// The inverse of [`to_micros`]. A count beyond what a date can hold (about ±262,000 years)
/// becomes the nearest date that can be held.
#[must_use]
pub fn from_micros(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(if micros < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// [`to_micros`] as a method, for `.bind(time.to_micros())`.
pub trait ToMicros {
    /// What comes out: `i64`, or `Option<i64>` of an `Option`.
    type Micros;
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn to_micros(self) -> Self::Micros;
}

impl ToMicros for DateTime<Utc> {
    type Micros = i64;
    fn to_micros(self) -> i64 {
        to_micros(self)
    }
}

impl ToMicros for Option<DateTime<Utc>> {
    type Micros = Option<i64>;
    fn to_micros(self) -> Option<i64> {
        self.map(to_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(day("2011-06-01T00:00:00.123456789Z"));
        assert_eq!(clock.now(), day("2011-06-01T00:00:00.123456Z"));
        assert_eq!(clock.latest(), clock.now());
        let other = clock.clone();
        assert!(other.advance(TimeDelta::days(1)));
        assert_eq!(clock.now(), day("2011-06-02T00:00:00.123456Z"));
        assert!(clock.set(day("2011-01-01T00:00:00Z")));
        assert_eq!(other.now(), day("2011-01-01T00:00:00Z"));
    }

    #[test]
    fn a_replay_clock_runs_from_where_it_was_put() {
        let start = day("2011-06-01T00:00:00Z");
        let clock = Clock::replay(start);
        let first = clock.now();
        assert!(first >= start && first < start + TimeDelta::minutes(1));
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(clock.now() > first);
        clock.set(day("2011-07-01T00:00:00Z"));
        assert!(clock.now() >= day("2011-07-01T00:00:00Z"));
        assert!(clock.now() < day("2011-07-01T00:01:00Z"));
        // Data dated after the virtual now, but before the real one, may be loaded.
        assert!(clock.latest() > day("2025-01-01T00:00:00Z"));
    }

    #[test]
    fn the_system_clock_is_cut_to_microseconds_and_cannot_be_set() {
        let clock = Clock::system();
        let now = clock.now();
        assert_eq!(micros(now), now);
        assert!(!clock.set(day("2011-01-01T00:00:00Z")));
        assert!(!clock.advance(TimeDelta::days(1)));
        assert!(clock.latest() > now + TimeDelta::minutes(4));
    }

    #[test]
    fn stored_times_come_back_and_order_as_they_were() {
        for text in ["1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "2011-12-09T12:50:00.5Z"] {
            assert_eq!(from_micros(to_micros(day(text))), day(text));
        }
        assert_eq!(day("1969-12-31T23:59:59.9999999Z").to_micros(), -1);
        assert_eq!(from_micros(i64::MAX), DateTime::<Utc>::MAX_UTC);
        assert_eq!(from_micros(i64::MIN), DateTime::<Utc>::MIN_UTC);
        assert_eq!(None.to_micros(), None);
    }

    #[test]
    fn ids_carry_the_clock_and_ascend() {
        let clock = Clock::manual(day("2011-06-01T00:00:00Z"));
        let ids: Vec<Uuid> = (0..10_000).map(|_| clock.uuid()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        for id in &ids {
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            let (seconds, _) = id.get_timestamp().unwrap().to_unix();
            assert_eq!(seconds, 1_306_886_400);
        }
        // A clock that is set back makes ids of the earlier time, not of the latest seen.
        clock.set(day("2010-12-01T00:00:00Z"));
        assert!(clock.uuid() < ids[0]);
        assert_ne!(Clock::manual(clock.now()).uuid(), Clock::manual(clock.now()).uuid());
    }
}
