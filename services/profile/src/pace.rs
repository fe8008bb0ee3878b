//! How the workers that follow the records make room for those who write them.

use std::time::{Duration, Instant};

/// How much longer a worker rests than it works.
const SHARE: u32 = 4;

/// The pace of one worker. While records pour in, whoever writes them needs the machine, and of
/// SQLite the writer, more; and what comes again meanwhile is worked on once. A backlog to which
/// nobody adds is worked off without a rest.
#[derive(Debug)]
pub struct Pace<T> {
    longest: Duration,
    newest: Option<T>,
}

impl<T: Ord> Pace<T> {
    /// Of a worker that rests for `longest` at most.
    pub fn new(longest: Duration) -> Self {
        Self { longest, newest: None }
    }

    /// How long to rest after a full batch that began at `begin`, when `last` is the newest entry of
    /// the queue.
    pub fn rest(&mut self, begin: Instant, last: Option<T>) -> Duration {
        let pours = last.is_some() && last > self.newest;
        if pours {
            self.newest = last;
            return (begin.elapsed() * SHARE).min(self.longest);
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_while_newer_come() {
        let mut pace = Pace::new(Duration::from_millis(600));
        let begin = Instant::now().checked_sub(Duration::from_millis(100)).unwrap();
        assert!(pace.rest(begin, Some(5)) >= Duration::from_millis(400));
        assert_eq!(pace.rest(begin, Some(5)), Duration::ZERO);
        assert_eq!(pace.rest(begin, None), Duration::ZERO);
        assert!(pace.rest(begin, Some(6)) > Duration::ZERO);
        let long = begin.checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(pace.rest(long, Some(7)), Duration::from_millis(600));
    }
}
