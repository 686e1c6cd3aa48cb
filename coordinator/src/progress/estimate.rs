//! Speed and time left, from what this run has done so far.

use std::time::Duration;

/// How a run gets on. Pure: the caller brings the times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Audio that was behind us when the run began to work, in milliseconds.
    begun_at_ms: u64,
}

impl Estimate {
    /// Starts from what earlier runs have done.
    #[must_use]
    pub fn from(behind_ms: u64) -> Self {
        Self { begun_at_ms: behind_ms }
    }

    /// Audio seconds a wall second, since the start; `None` before anything is done.
    #[must_use]
    pub fn speed(&self, behind_ms: u64, elapsed: Duration) -> Option<f64> {
        let done = behind_ms.saturating_sub(self.begun_at_ms);
        (done > 0 && !elapsed.is_zero()).then(|| done as f64 / 1000.0 / elapsed.as_secs_f64())
    }

    /// Wall time left at that speed.
    #[must_use]
    pub fn left(&self, behind_ms: u64, audio_ms: u64, elapsed: Duration) -> Option<Duration> {
        let speed = self.speed(behind_ms, elapsed)?;
        let seconds = audio_ms.saturating_sub(behind_ms) as f64 / 1000.0 / speed;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_runs_work_counts() {
        let estimate = Estimate::from(3_600_000);
        let minute = Duration::from_secs(60);
        assert_eq!(estimate.speed(3_600_000, minute), None);
        assert_eq!(estimate.speed(4_200_000, minute), Some(10.0));
        assert_eq!(estimate.left(4_200_000, 4_800_000, minute), Some(minute));
    }
}
