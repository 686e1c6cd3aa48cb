//! How much a worker takes ahead of its engine, and when.

use crate::leases::ShardCounts;

/// What is claimed ahead may wait this part of what each worker has left to do: were it the longest recording of all, that would be
/// all that its waiting costs the batch.
const SOON: u64 = 32;

/// What decides whether a worker claims one more recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    /// Windows that wait for this worker's engine or are being prepared for it; those of its running batch not counted.
    pub waiting: usize,
    /// Windows of the recording that its engine has begun, where it must be done before another one can begin; 0 where windows of
    /// several recordings are heard together.
    pub begun: u64,
    /// Windows of one batch.
    pub batch_size: usize,
    /// Windows of the recordings that nobody has claimed, as far as their lengths tell.
    pub unclaimed: u64,
    /// Workers of the batch, at least 1.
    pub workers: u32,
}

impl Ahead {
    /// Whether this worker should claim one more: as long as its next batch is not full, but no more than its share of
    /// what is left. So the last batches shrink, and all workers end at about the same time.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        let left = self.unclaimed.saturating_add(self.waiting as u64);
        let share = left.div_ceil(u64::from(self.workers.max(1)));
        self.is_soon()
            && (self.waiting == 0 || (self.waiting < self.batch_size && (self.waiting as u64) < share))
    }

    /// Whether what is claimed now could begin soon. The longest recordings are claimed first: one that waited for another long
    /// one would end long after all else.
    #[must_use]
    pub fn is_soon(&self) -> bool {
        // Where nobody else could begin it sooner, nothing is lost by claiming it.
        self.workers <= 1 || self.begun <= self.begun_at_most()
    }

    /// How many windows may be left of what the engine has begun when another recording is claimed; at least one, since it takes
    /// time to prepare.
    #[must_use]
    pub fn begun_at_most(&self) -> u64 {
        (self.unclaimed / SOON / u64::from(self.workers.max(1))).max(1)
    }
}

/// About how many windows a recording of this length has, cut at `window_seconds`; at least one.
#[must_use]
pub fn windows_expected(seconds: f64, window_seconds: usize) -> usize {
    (seconds.max(0.0) / window_seconds.max(1) as f64).ceil().max(1.0) as usize
}

/// Windows of all that can be claimed in these shards, as far as its length tells.
#[must_use]
pub fn windows_unclaimed(counts: &[ShardCounts], window_seconds: usize) -> u64 {
    let windows = |shard: &ShardCounts| {
        shard.ready.max(windows_expected(shard.ready_ms as f64 / 1000.0, window_seconds) as u64)
    };
    counts.iter().filter(|shard| shard.ready > 0).map(windows).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(batch_size: usize, unclaimed: u64, workers: u32) -> usize {
        let mut ahead = Ahead { waiting: 0, begun: 0, batch_size, unclaimed, workers };
        while ahead.unclaimed > 0 && ahead.wants_more() {
            ahead.waiting += 1;
            ahead.unclaimed -= 1;
        }
        ahead.waiting
    }

    #[test]
    fn one_batch_ahead_and_less_at_the_end() {
        assert_eq!(claimed(8, 1000, 2), 8);
        assert_eq!(claimed(8, 8, 2), 4, "the other worker gets as many");
        assert_eq!(claimed(8, 8, 1), 8);
        assert_eq!(claimed(8, 3, 2), 2);
        assert_eq!(claimed(8, 1, 16), 1);
        assert_eq!(claimed(1, 50, 2), 1);
    }

    #[test]
    fn a_long_recording_is_many_windows() {
        assert_eq!(windows_expected(0.0, 30), 1);
        assert_eq!(windows_expected(30.0, 30), 1);
        assert_eq!(windows_expected(3600.5, 30), 121);
        let ahead = Ahead { waiting: 120, begun: 0, batch_size: 8, unclaimed: 1000, workers: 1 };
        assert!(!ahead.wants_more());
    }

    #[test]
    fn nothing_is_claimed_to_wait_behind_a_long_recording() {
        let ahead = |begun| Ahead { waiting: 0, begun, batch_size: 1, unclaimed: 6_400, workers: 10 };
        assert!(!ahead(120).wants_more(), "an hour of audio, when each worker has five more hours to do");
        assert!(ahead(20).wants_more(), "ten minutes");
        let at_the_end = Ahead { unclaimed: 1, ..ahead(2) };
        assert!(!at_the_end.wants_more());
        assert!(
            Ahead { begun: 1, ..at_the_end }.wants_more(),
            "the last window can always be used to prepare"
        );
        assert!(Ahead { begun: 0, ..at_the_end }.wants_more());
        assert!(Ahead { workers: 1, ..ahead(120) }.wants_more(), "there is nobody else");
    }
}
