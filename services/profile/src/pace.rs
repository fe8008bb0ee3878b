//! How the workers that follow the records make room for those who write them.

use std::time::{Duration, Instant};

/// How much longer a worker rests than it works.
const SHARE: u32 = 4;

/// The pace of one worker. While records pour in, whoever writes them needs the machine, and of
/// SQLite the writer, more; and what comes again meanwhile is worked on once. A backlog to which
/// nobody adds is worked off without a rest.
#[derive(Debug)]
pub struct Pace {
    longest: Duration,
    newest: i64,
}

impl Pace {
    /// Of a worker that rests for `longest` at most.
    pub fn new(longest: Duration) -> Self {
        Self { longest, newest: 0 }
    }

    /// How long to rest after a full batch that began at `begin`, when `last` is the number of the
    /// newest entry of the queue (0 when it is empty; numbers only rise).
    pub fn rest(&mut self, begin: Instant, last: i64) -> Duration {
        if last <= self.newest {
            return Duration::ZERO;
        }
        self.newest = last;
        (begin.elapsed() * SHARE).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_while_newer_come() {
        let mut pace = Pace::new(Duration::from_millis(600));
        let begin = Instant::now().checked_sub(Duration::from_millis(100)).unwrap();
        assert!(pace.rest(begin, 5) >= Duration::from_millis(400));
        assert_eq!(pace.rest(begin, 5), Duration::ZERO);
        assert_eq!(pace.rest(begin, 0), Duration::ZERO);
        assert!(pace.rest(begin, 6) > Duration::ZERO);
        let long = begin.checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(pace.rest(long, 7), Duration::from_millis(600));
    }
}
