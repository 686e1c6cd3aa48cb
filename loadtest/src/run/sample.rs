//! What is seen of a run, again and again, and what follows from it. Pure.

use std::time::Duration;

use steno_coordinator::progress::Totals;
use steno_shared::leases::{Phase, ServerLoad, WorkerReport};

use crate::report::{Bar, BarKind};

/// A run at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Since the run was started.
    pub at: Duration,
    /// Recordings by state.
    pub totals: Totals,
    /// What each worker says of itself.
    pub workers: Vec<WorkerReport>,
    /// Redis's load, all of its servers together.
    pub redis: ServerLoad,
}

/// All that was seen of a run, from the first to the last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples(pub Vec<Sample>);

impl Samples {
    /// Since the start: when workers held recordings for the first time.
    #[must_use]
    pub fn begin(&self) -> Option<Duration> {
        self.0.iter().find(|sample| sample.totals.leased + sample.totals.done > 0).map(|sample| sample.at)
    }

    /// What each place was seen to do, in seconds since the begin: a look tells of the time until the next one.
    #[must_use]
    pub fn bars(&self) -> Vec<Bar> {
        let begin = self.begin().unwrap_or_default();
        let mut bars = Vec::new();
        for pair in self.0.windows(2) {
            let [now, next] = pair else { continue };
            let since = |at: Duration| at.saturating_sub(begin).as_secs_f64();
            for worker in now.workers.iter().filter(|worker| worker.phase == Phase::Transcribing) {
                bars.push(Bar {
                    node: worker.index as usize,
                    from: since(now.at),
                    until: since(next.at),
                    kind: BarKind::Work,
                });
            }
        }
        bars
    }

    /// CPU seconds of Redis from the begin to the end, and the most memory that its data took.
    #[must_use]
    pub fn redis(&self) -> ServerLoad {
        let begin = self.begin().unwrap_or_default();
        let mut seen = self.0.iter().filter(|sample| sample.at >= begin).map(|sample| sample.redis);
        let Some(first) = seen.next() else { return ServerLoad::default() };
        seen.fold(ServerLoad { cpu_seconds: 0.0, ..first }, |most, now| ServerLoad {
            memory_bytes: most.memory_bytes.max(now.memory_bytes),
            dataset_bytes: most.dataset_bytes.max(now.dataset_bytes),
            cpu_seconds: most.cpu_seconds.max(now.cpu_seconds - first.cpu_seconds),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use steno_shared::ids::WorkerId;

    fn sample(at: u64, leased: u64, done: u64, workers: &[(u32, Phase)]) -> Sample {
        let report = |&(index, phase): &(u32, Phase)| WorkerReport {
            phase,
            ..WorkerReport::idle(WorkerId::new("worker"), index)
        };
        Sample {
            at: Duration::from_secs(at),
            totals: Totals { recordings: 4, ready: 4 - leased - done, leased, done, ..Totals::default() },
            workers: workers.iter().map(report).collect(),
            redis: ServerLoad { memory_bytes: 100 + at, dataset_bytes: at, cpu_seconds: at as f64 / 10.0 },
        }
    }

    #[test]
    fn a_course_is_read_from_looks_at_it() {
        let (work, idle) = (Phase::Transcribing, Phase::Idle);
        let samples = Samples(vec![
            sample(1, 0, 0, &[]),
            sample(3, 2, 0, &[(0, work), (1, work)]),
            sample(5, 2, 1, &[(0, work), (1, idle)]),
            sample(8, 0, 4, &[(0, idle), (1, idle)]),
            sample(9, 0, 4, &[]),
        ]);
        assert_eq!(samples.begin(), Some(Duration::from_secs(3)));
        let bars: Vec<(usize, f64, f64)> =
            samples.bars().iter().map(|bar| (bar.node, bar.from, bar.until)).collect();
        assert_eq!(bars, [(0, 0.0, 2.0), (1, 0.0, 2.0), (0, 2.0, 5.0)]);
        let redis = samples.redis();
        assert_eq!(redis.memory_bytes, 109);
        assert!((redis.cpu_seconds - 0.6).abs() < 1e-9);
        assert_eq!((Samples::default().begin(), Samples::default().redis()), (None, ServerLoad::default()));
    }
}
