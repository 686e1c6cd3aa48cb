//! How busy the engines of a run are.

use std::collections::HashMap;

use steno_shared::ids::WorkerId;
use steno_shared::leases::WorkerReport;

/// The last that each worker of a run told of its engine's time. Reports are forgotten soon after a worker ends; these
/// are not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineTime {
    workers: HashMap<WorkerId, Told>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Told {
    busy_seconds: f64,
    engine_seconds: f64,
}

impl EngineTime {
    /// Takes the workers' reports in.
    pub fn note(&mut self, reports: &[WorkerReport]) {
        for report in reports {
            let told = self.workers.entry(report.worker.clone()).or_default();
            // Counted since the worker's start, so it only grows.
            told.busy_seconds = told.busy_seconds.max(report.busy_seconds);
            told.engine_seconds = told.engine_seconds.max(report.engine_seconds);
        }
    }

    /// Time that the engines have computed over their time from the first window to the last: 1 is never idle. `None`
    /// before any window was heard.
    #[must_use]
    pub fn busy(&self) -> Option<f64> {
        let wall: f64 = self.workers.values().map(|told| told.engine_seconds).sum();
        let busy: f64 = self.workers.values().map(|told| told.busy_seconds).sum();
        (wall > 0.0).then(|| (busy / wall).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(worker: &str, busy_seconds: f64, engine_seconds: f64) -> WorkerReport {
        WorkerReport { busy_seconds, engine_seconds, ..WorkerReport::idle(WorkerId::new(worker), 0) }
    }

    #[test]
    fn workers_that_have_ended_still_count() {
        let mut time = EngineTime::default();
        let (one, other) = (report("a", 9.0, 10.0), report("b", 5.0, 10.0));
        time.note(&[report("c", 0.0, 0.0)]);
        assert_eq!(time.busy(), None);
        time.note(&[one]);
        time.note(&[other]);
        assert_eq!(time.busy(), Some(0.7));
    }
}
