//! When the engine begins a batch that is not full.

use std::time::Duration;

/// How long an idle engine that has a part of a batch waits for recordings that are being prepared.
pub const FOR_A_FULLER_BATCH: Duration = Duration::from_millis(300);

/// What decides whether the engine takes the windows that are ready. A window alone takes it nearly as long as a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// Windows that the batch has room for.
    pub room: usize,
    /// Windows whose features are made.
    pub ready: usize,
    /// Windows that wait, ready or not.
    pub waiting: usize,
    /// Whether recordings are being prepared, whose windows would come next.
    pub more_prepared: bool,
    /// Whether the engine has nothing else to do.
    pub idle: bool,
    /// How long there has been something to do.
    pub waited: Duration,
}

impl Fill {
    /// Whether to take what is ready. Features are always waited for: a thread makes them now. Recordings may have to be
    /// fetched from far, so an idle engine waits a moment for them, and a busy one not at all.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        let features_are_made = self.ready >= self.room.min(self.waiting);
        let is_full = self.ready >= self.room || !self.more_prepared;
        features_are_made && (is_full || !self.idle || self.waited >= FOR_A_FULLER_BATCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Fill =
        Fill { room: 8, ready: 8, waiting: 20, more_prepared: true, idle: true, waited: Duration::ZERO };

    #[test]
    fn a_full_batch_begins_at_once() {
        assert!(IDLE.is_enough());
        assert!(Fill { idle: false, ..IDLE }.is_enough());
    }

    #[test]
    fn features_that_are_being_made_are_waited_for() {
        let first = Fill { ready: 1, waited: Duration::from_secs(9), ..IDLE };
        assert!(!first.is_enough());
        assert!(!Fill { idle: false, ..first }.is_enough());
        assert!(Fill { waiting: 1, ..first }.is_enough());
    }

    #[test]
    fn an_idle_engine_waits_a_moment_for_recordings_and_a_busy_one_does_not() {
        let some = Fill { ready: 3, waiting: 3, ..IDLE };
        assert!(!some.is_enough());
        assert!(Fill { waited: FOR_A_FULLER_BATCH, ..some }.is_enough());
        assert!(Fill { more_prepared: false, ..some }.is_enough());
        assert!(Fill { idle: false, ..some }.is_enough());
        assert!(Fill { idle: false, room: 0, ready: 0, ..some }.is_enough(), "it has other windows");
    }
}
