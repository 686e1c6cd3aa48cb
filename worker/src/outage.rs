//! How long to wait when a service is away, and when to give up.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(30);
/// How long a service may be away before the worker ends.
const LONGEST: Duration = Duration::from_secs(600);

/// What a worker says when it has waited for too long.
pub const GAVE_UP: &str = "a service was away for ten minutes";

/// A service that is away, as far as is known since when.
#[derive(Debug, Default)]
pub struct Outage {
    begun: Option<Instant>,
    times: u32,
}

impl Outage {
    /// Notes that the service was away at `now`. Tells how long to wait before the next try: doubling from 1 s to
    /// 30 s; `None` when it has been away for ten minutes.
    pub fn wait(&mut self, now: Instant) -> Option<Duration> {
        let begun = *self.begun.get_or_insert(now);
        if now.duration_since(begun) >= LONGEST {
            return None;
        }
        let wait = (FIRST * 2_u32.pow(self.times.min(16))).min(MOST);
        self.times += 1;
        Some(wait)
    }

    /// Notes that the service is back.
    pub fn over(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_end_after_ten_minutes() {
        let (mut outage, start) = (Outage::default(), Instant::now());
        let waits: Vec<_> = (0..7).map(|_| outage.wait(start).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30].map(Some));
        assert_eq!(outage.wait(start + LONGEST), None);
        outage.over();
        assert_eq!(outage.wait(start + LONGEST), Some(FIRST), "another outage");
    }
}
