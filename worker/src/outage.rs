//! How long to wait when a service is away, and when to give up.

use std::time::{Duration, Instant};

use crate::held::HeldItem;

const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(30);
/// How long a service may be away before the worker ends.
const LONGEST: Duration = Duration::from_secs(600);

/// How often a recording that waits is said to move: less than the shortest limit on standing still.
const STEP: Duration = Duration::from_millis(250);

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

/// Waits for what a service answers, or until it may be back, with a recording in hand. That is not stuck meanwhile, however short a
/// stand is taken for it: it is the service that does not move, and whoever asks it has time-outs of his own. Where there are none, as
/// of a folder on another machine, it counts as moving for as long as a service may be away.
pub async fn with_patience<T>(item: &HeldItem, answer: impl Future<Output = T>) -> T {
    let mut answer = std::pin::pin!(answer);
    let mut ticks = tokio::time::interval(STEP);
    let began = Instant::now();
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            _ = ticks.tick(), if began.elapsed() < LONGEST => item.advance(),
        }
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
