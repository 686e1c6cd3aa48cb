//! How much a worker takes ahead of its engine.

/// What decides whether a worker claims one more recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    /// Windows that wait for this worker's engine or are being prepared for it; those of its running batch not counted.
    pub waiting: usize,
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
        self.waiting == 0 || (self.waiting < self.batch_size && (self.waiting as u64) < share)
    }
}

/// Windows that a recording of this length has at most, cut at `window_seconds`; at least one.
#[must_use]
pub fn windows_expected(seconds: f64, window_seconds: usize) -> usize {
    (seconds.max(0.0) / window_seconds.max(1) as f64).ceil().max(1.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(batch_size: usize, unclaimed: u64, workers: u32) -> usize {
        let mut ahead = Ahead { waiting: 0, batch_size, unclaimed, workers };
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
        let ahead = Ahead { waiting: 120, batch_size: 8, unclaimed: 1000, workers: 1 };
        assert!(!ahead.wants_more());
    }
}
