//! How fast this worker is, and what it does about it when it is slow.

use std::sync::Mutex;

use steno_shared::leases::{ShardCounts, Together};
use steno_shared::pace::Pace;

use crate::generate::FirstPasses;
use crate::lock::lock;

/// A speed is known after so many seconds of computing, and so many passes: the first windows are slower, and one batch tells little.
const KNOWN_AFTER: (f64, u64) = (2.0, 2);
/// What was computed so many seconds ago counts for a third of what is computed now: a device may become slower.
const MEMORY_SECONDS: f64 = 60.0;

/// Measures an engine's speed.
#[derive(Debug, Default)]
pub struct Meter {
    /// What was computed in all, when last told.
    told: FirstPasses,
    /// Audio and computing lately, in seconds; what is longer ago counts less.
    lately: (f64, f64),
}

impl Meter {
    /// Takes what the engine has computed since its start. Gives its speed in seconds of audio a second; 0 while it is not known.
    pub fn note(&mut self, passes: FirstPasses) -> f64 {
        let more_audio = passes.audio_seconds - self.told.audio_seconds;
        let more_computed = passes.computed_seconds - self.told.computed_seconds;
        self.told = passes;
        let faded = (-more_computed / MEMORY_SECONDS).exp();
        self.lately = (self.lately.0 * faded + more_audio, self.lately.1 * faded + more_computed);
        let is_known = passes.computed_seconds >= KNOWN_AFTER.0 && passes.count >= KNOWN_AFTER.1;
        if is_known && self.lately.1 > 0.0 { self.lately.0 / self.lately.1 } else { 0.0 }
    }
}

/// This worker's pace among all, and how much audio they have in hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paced {
    /// The pace.
    pub pace: Pace,
    /// Seconds of audio that are transcribed of recordings that are held.
    pub in_hand_seconds: f64,
    /// Whether any worker is slow.
    pub is_any_slow: bool,
    /// How many recordings this worker holds.
    pub held: u64,
}

impl Paced {
    /// Seconds of audio that are left in a batch with these counts.
    #[must_use]
    pub fn left_seconds(&self, counts: &[ShardCounts]) -> f64 {
        let open =
            |shard: &ShardCounts| (shard.ready_ms + shard.leased_ms + shard.delayed_ms) as f64 / 1000.0;
        (counts.iter().map(open).sum::<f64>() - self.in_hand_seconds).max(0.0)
    }

    /// The longest recording to take, in milliseconds; `None` for any. While nobody else holds anything, nobody else may be there to
    /// take what is left.
    #[must_use]
    pub fn longest_ms(&self, counts: &[ShardCounts]) -> Option<u64> {
        let leased: u64 = counts.iter().map(|shard| shard.leased - shard.expired.min(shard.leased)).sum();
        if leased <= self.held {
            return None;
        }
        self.pace.longest(self.left_seconds(counts)).map(|seconds| (seconds * 1000.0) as u64)
    }
}

/// Where the heartbeat, which measures and is told, leaves it for whoever claims.
#[derive(Debug, Default)]
pub struct PaceBoard(Mutex<Option<Paced>>);

impl PaceBoard {
    /// Notes this worker's speed and what all workers tell together.
    pub fn note(&self, own: f64, together: Together) {
        let Together { speed: all, known, in_hand_seconds, slow } = together;
        let pace = Pace { own, all, workers: known };
        let paced = Paced { pace, in_hand_seconds, is_any_slow: slow > 0, held: 0 };
        *lock(&self.0) = Some(paced).filter(|_| own > 0.0 && all > 0.0);
    }

    /// The pace of this worker, which holds so many recordings; `None` while it is not known.
    #[must_use]
    pub fn look(&self, held: usize) -> Option<Paced> {
        lock(&self.0).map(|paced| Paced { held: held as u64, ..paced })
    }

    /// Whether this worker finds itself slow.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        lock(&self.0).is_some_and(|paced| paced.pace.is_slow())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use steno_shared::ids::ShardId;

    #[test]
    fn a_speed_is_known_after_a_while_and_follows_what_happens() {
        let passes =
            |audio_seconds, computed_seconds, count| FirstPasses { audio_seconds, computed_seconds, count };
        let mut meter = Meter::default();
        assert_eq!(meter.note(passes(50.0, 1.0, 2)), 0.0, "too early");
        assert!((meter.note(passes(150.0, 3.0, 3)) - 50.0).abs() < 1e-9);
        let mut speed = 0.0;
        for second in 0..240 {
            speed = meter.note(passes(150.0 + 10.0 * f64::from(second), 3.0 + f64::from(second), 4));
        }
        assert!((9.0..13.0).contains(&speed), "it has become slow: {speed}");
        assert_eq!(Meter::default().note(passes(150.0, 3.0, 1)), 0.0, "a single batch");
    }

    #[test]
    fn a_slow_worker_is_bound_only_while_others_hold_something() {
        let pace = Pace { own: 1.0, all: 10.0, workers: 4 };
        let paced = Paced { pace, in_hand_seconds: 100.0, is_any_slow: true, held: 1 };
        let counts = |leased, expired| {
            [ShardCounts {
                ready_ms: 1_000_000,
                leased_ms: 600_000,
                ready: 9,
                leased,
                expired,
                ..ShardCounts::empty(ShardId(0))
            }]
        };
        assert_eq!(paced.longest_ms(&counts(2, 0)), Some(150_000));
        assert_eq!(paced.longest_ms(&counts(1, 0)), None, "that is its own");
        assert_eq!(paced.longest_ms(&counts(3, 2)), None, "their holders are gone");
    }
}
