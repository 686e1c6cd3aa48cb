//! What to do about a worker that ended: pure, so that every case is tested without a process.

use std::time::Duration;

use steno_shared::exit::Exit;

/// How many times in a row a worker may fail, with nothing finished in the whole batch meanwhile.
const FAILURES_MAX: u32 = 5;
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MOST: Duration = Duration::from_secs(30);

/// How a worker process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerEnd {
    /// With a documented exit code.
    Exit(Exit),
    /// With another code.
    Code(i32),
    /// Killed by a signal.
    Signal(i32),
}

/// What has become of one worker's place so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotHistory {
    failures: u32,
    settled_at_last_failure: u64,
}

/// What to do about a worker that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it is not needed any more.
    LetGo,
    /// Start it again, after this time.
    Restart(Duration),
    /// It fails again and again: leave its place empty.
    GiveUp,
    /// No worker of this batch could do better: end the run with this exit code.
    EndRun(Exit),
}

/// What a decision depends on, beside the worker itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Recordings of the batch that are done or dead.
    pub settled: u64,
    /// Recordings that are neither.
    pub left: u64,
    /// Whether other workers run or are about to.
    pub others: bool,
    /// Whether the run is being stopped.
    pub stopping: bool,
}

/// Decides about a worker that ended.
pub fn decide(history: &mut SlotHistory, end: WorkerEnd, situation: Situation) -> Decision {
    let Situation { settled, left, others, stopping } = situation;
    if stopping || left == 0 {
        return Decision::LetGo;
    }
    match end {
        // It left because enough others wait for what may come back.
        WorkerEnd::Exit(Exit::Success) if others => Decision::LetGo,
        WorkerEnd::Exit(Exit::Success | Exit::Interrupted) => Decision::Restart(BACKOFF_FIRST),
        WorkerEnd::Exit(exit @ (Exit::Usage | Exit::Unusable)) => Decision::EndRun(exit),
        WorkerEnd::Exit(Exit::BadEngine) => Decision::GiveUp,
        WorkerEnd::Exit(Exit::SomeFailed | Exit::InUse | Exit::Lost | Exit::Stuck | Exit::Internal)
        | WorkerEnd::Code(_)
        | WorkerEnd::Signal(_) => after_failure(history, settled),
    }
}

fn after_failure(history: &mut SlotHistory, settled: u64) -> Decision {
    if settled > history.settled_at_last_failure {
        history.failures = 0;
    }
    history.settled_at_last_failure = settled;
    history.failures += 1;
    if history.failures > FAILURES_MAX {
        return Decision::GiveUp;
    }
    let backoff = BACKOFF_FIRST * 2_u32.pow(history.failures - 1);
    Decision::Restart(backoff.min(BACKOFF_MOST))
}

impl std::fmt::Display for WorkerEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(exit) => write!(f, "ended with exit code {} ({exit:?})", *exit as u8),
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => match nix::sys::signal::Signal::try_from(*signal) {
                Ok(signal) => write!(f, "was killed by {signal}"),
                Err(_) => write!(f, "was killed by signal {signal}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: WorkerEnd = WorkerEnd::Signal(9);
    const LEFT: WorkerEnd = WorkerEnd::Exit(Exit::Success);
    const WORKING: Situation = Situation { settled: 0, left: 9, others: true, stopping: false };

    #[test]
    fn a_killed_worker_is_restarted_later_each_time_and_then_given_up() {
        let mut history = SlotHistory::default();
        let waits: Vec<Decision> = (0..7).map(|_| decide(&mut history, KILLED, WORKING)).collect();
        let ms = |ms| Decision::Restart(Duration::from_millis(ms));
        assert_eq!(waits[..5], [ms(500), ms(1000), ms(2000), ms(4000), ms(8000)]);
        assert_eq!(waits[5..], [Decision::GiveUp, Decision::GiveUp]);
    }

    #[test]
    fn progress_of_the_batch_forgives_failures() {
        let mut history = SlotHistory::default();
        for n in 0..100 {
            let decision = decide(&mut history, KILLED, Situation { settled: n * 2 + 1, ..WORKING });
            assert_eq!(decision, Decision::Restart(BACKOFF_FIRST), "after {n}");
        }
    }

    #[test]
    fn what_no_worker_can_mend_ends_the_run() {
        let mut history = SlotHistory::default();
        let end = WorkerEnd::Exit(Exit::Unusable);
        assert_eq!(decide(&mut history, end, WORKING), Decision::EndRun(Exit::Unusable));
        let stopping = Situation { stopping: true, ..WORKING };
        assert_eq!(
            decide(&mut history, end, stopping),
            Decision::LetGo,
            "a run that stops asks for nothing more"
        );
    }

    #[test]
    fn a_worker_that_left_the_tail_to_others_is_not_started_again_and_again() {
        let mut history = SlotHistory::default();
        assert_eq!(decide(&mut history, LEFT, WORKING), Decision::LetGo);
    }

    #[test]
    fn the_last_worker_is_started_again_if_something_came_back_meanwhile() {
        let mut history = SlotHistory::default();
        let alone = Situation { others: false, ..WORKING };
        assert_eq!(decide(&mut history, LEFT, alone), Decision::Restart(BACKOFF_FIRST));
        assert_eq!(decide(&mut history, LEFT, Situation { left: 0, ..alone }), Decision::LetGo);
    }
}
