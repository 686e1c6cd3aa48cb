//! How much of its time an engine computes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::lock::lock;

/// Adds up the time of native calls. Shared by the engine's thread, which computes, and the heartbeat, which tells.
#[derive(Debug)]
pub struct Busy {
    since: Instant,
    /// Nanoseconds in native calls.
    native: AtomicU64,
    /// Nanoseconds from `since` to the begin of the first call, and to the end of the last, each plus one; 0 is none yet.
    first: AtomicU64,
    last: AtomicU64,
    /// Nanoseconds from `since` to the begin of the call that is under way, plus one; 0 is none.
    under_way: AtomicU64,
    first_passes: Mutex<(FirstPasses, Option<Begun>)>,
}

/// Audio that is computed for the first time, and when that was begun, in time spent computing.
#[derive(Debug, Clone, Copy)]
struct Begun {
    audio_seconds: f64,
    computed: Duration,
}

/// Audio that was computed for the first time, in windows of 30 s that need not be full, and how long that took: how fast a device is, whatever it hears.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FirstPasses {
    /// How much audio that was, in seconds.
    pub audio_seconds: f64,
    /// How long it took, in seconds.
    pub computed_seconds: f64,
    /// In how many passes.
    pub count: u64,
}

/// What a [`Busy`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BusyTime {
    /// Time in native calls.
    pub native: Duration,
    /// Wall time from the begin of the first call to the end of the last: waiting for windows counts.
    pub wall: Duration,
}

impl Default for Busy {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            native: AtomicU64::new(0),
            first: AtomicU64::new(0),
            last: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            first_passes: Mutex::default(),
        }
    }
}

impl Busy {
    /// Does a native call and counts its time.
    pub fn time<T>(&self, call: impl FnOnce() -> T) -> T {
        let begin = self.since.elapsed();
        self.under_way.store(nanos(begin) + 1, Ordering::Relaxed);
        let result = call();
        self.under_way.store(0, Ordering::Relaxed);
        self.add(begin, self.since.elapsed());
        result
    }

    /// Begins on so many seconds of audio that were not computed before; `None` on some that were.
    pub fn begin_on(&self, audio_seconds: Option<f64>) {
        let computed = self.computing();
        lock(&self.first_passes).1 = audio_seconds.map(|audio_seconds| Begun { audio_seconds, computed });
    }

    /// Is done with what was begun, for the first time; to be called again each time that it was tried again.
    pub fn has_passed(&self) {
        let computed = self.computing();
        let (passes, begun) = &mut *lock(&self.first_passes);
        if let Some(begun) = begun.take() {
            passes.audio_seconds += begun.audio_seconds;
            passes.computed_seconds += computed.saturating_sub(begun.computed).as_secs_f64();
            passes.count += 1;
        }
    }

    /// What was computed for the first time so far.
    #[must_use]
    pub fn first_passes(&self) -> FirstPasses {
        lock(&self.first_passes).0
    }

    /// The time in native calls so far, that of the call under way included.
    #[must_use]
    fn computing(&self) -> Duration {
        let begun = self.under_way.load(Ordering::Relaxed);
        let now = if begun == 0 { 0 } else { nanos(self.since.elapsed()).saturating_sub(begun - 1) };
        Duration::from_nanos(self.native.load(Ordering::Relaxed).saturating_add(now))
    }

    /// The time so far; a call that is under way is not counted.
    #[must_use]
    pub fn so_far(&self) -> BusyTime {
        let (first, last) = (self.first.load(Ordering::Relaxed), self.last.load(Ordering::Relaxed));
        BusyTime {
            native: Duration::from_nanos(self.native.load(Ordering::Relaxed)),
            wall: Duration::from_nanos(last.saturating_sub(first)),
        }
    }

    /// Forgets what was counted: what proves a device is no work.
    pub fn forget(&self) {
        for counter in [&self.native, &self.first, &self.last] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    fn add(&self, begin: Duration, end: Duration) {
        self.native.fetch_add(nanos(end.saturating_sub(begin)), Ordering::Relaxed);
        // Only the engine's thread counts, so nobody comes between.
        if self.first.load(Ordering::Relaxed) == 0 {
            self.first.store(nanos(begin) + 1, Ordering::Relaxed);
        }
        self.last.store(nanos(end) + 1, Ordering::Relaxed);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_again_and_what_is_under_way_tell_nothing_of_the_speed() {
        let busy = Busy::default();
        let compute = |ms| busy.time(|| std::thread::sleep(Duration::from_millis(ms)));
        busy.begin_on(Some(30.0));
        compute(3);
        assert_eq!(busy.first_passes(), FirstPasses::default());
        busy.has_passed();
        let first = busy.first_passes();
        assert!(
            first.computed_seconds >= 0.003 && (first.audio_seconds, first.count) == (30.0, 1),
            "{first:?}"
        );
        compute(3);
        busy.has_passed();
        assert_eq!(busy.first_passes(), first);
        // Nothing came of it, and then something else is tried again.
        busy.begin_on(Some(30.0));
        busy.begin_on(None);
        busy.has_passed();
        assert_eq!(busy.first_passes(), first);
    }

    #[test]
    fn waiting_between_calls_is_wall_time_only() {
        let busy = Busy::default();
        assert_eq!(busy.so_far(), BusyTime::default());
        let at = Duration::from_millis;
        busy.add(at(100), at(300));
        assert_eq!(
            busy.so_far(),
            BusyTime { native: at(200), wall: at(200) },
            "what was before does not count"
        );
        busy.add(at(400), at(600));
        assert_eq!(busy.so_far(), BusyTime { native: at(400), wall: at(500) });
        busy.forget();
        assert_eq!(busy.so_far(), BusyTime::default());
        assert_eq!(busy.time(|| 7), 7);
    }
}
