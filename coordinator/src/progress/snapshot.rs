//! A batch at one moment.

use serde::Serialize;
use steno_shared::leases::{LeaseError, Leases, ShardCounts, WorkerReport};

/// Counts over all shards and what each worker does.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Counts over all shards.
    pub totals: Totals,
    /// The workers that have reported lately, by their place.
    pub workers: Vec<WorkerReport>,
}

/// Leases by state, and their predicted audio in milliseconds. There is a lease for each recording, or for each part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(missing_docs, reason = "each state's count and its audio")]
pub struct Totals {
    pub recordings: u64,
    /// Leases beyond one for each recording: its parts but the first.
    pub further_parts: u64,
    pub ready: u64,
    pub leased: u64,
    pub delayed: u64,
    pub done: u64,
    pub dead: u64,
    pub audio_ms: u64,
    pub leased_ms: u64,
    pub done_ms: u64,
    pub dead_ms: u64,
    /// Whether no shard hands out anything more: one that still does is told so again.
    pub cancelled: bool,
}

impl Totals {
    /// All leases.
    #[must_use]
    pub fn leases(&self) -> u64 {
        self.recordings + self.further_parts
    }

    /// Leases that are neither done nor dead.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.ready + self.leased + self.delayed
    }

    /// Adds up shards.
    #[must_use]
    pub fn of(shards: &[ShardCounts]) -> Self {
        let cancelled = !shards.is_empty() && shards.iter().all(|shard| shard.cancelled);
        shards.iter().fold(Self { cancelled, ..Self::default() }, |sum, shard| Self {
            recordings: sum.recordings + shard.enqueued.saturating_sub(shard.further_parts),
            further_parts: sum.further_parts + shard.further_parts,
            ready: sum.ready + shard.ready,
            leased: sum.leased + shard.leased,
            delayed: sum.delayed + shard.delayed,
            done: sum.done + shard.done,
            dead: sum.dead + shard.dead,
            audio_ms: sum.audio_ms
                + shard.ready_ms
                + shard.leased_ms
                + shard.delayed_ms
                + shard.done_ms
                + shard.dead_ms,
            leased_ms: sum.leased_ms + shard.leased_ms,
            done_ms: sum.done_ms + shard.done_ms,
            dead_ms: sum.dead_ms + shard.dead_ms,
            cancelled,
        })
    }
}

impl Snapshot {
    /// Reads a batch's counts and workers.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn read(leases: &Leases, shards: u32) -> Result<Self, LeaseError> {
        let counts = leases.all_counts(shards).await?;
        Ok(Self { totals: Totals::of(&counts), workers: leases.workers().await? })
    }

    /// Audio behind us in milliseconds: finished recordings, and the finished part of those being worked on.
    #[must_use]
    pub fn behind_ms(&self) -> u64 {
        let working: f64 = self.workers.iter().map(|worker| worker.in_hand_seconds).sum();
        // A report is a little older than the counts: what it tells of a recording that is finished by now is counted
        // already.
        let working_ms = ((working.max(0.0) * 1000.0) as u64).min(self.totals.leased_ms);
        self.totals.done_ms + self.totals.dead_ms + working_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use steno_shared::ids::WorkerId;
    use steno_shared::leases::Phase;

    #[test]
    fn a_late_report_of_a_finished_recording_is_not_counted_twice() {
        let totals = Totals { audio_ms: 60_000, done_ms: 30_000, leased_ms: 5_000, ..Totals::default() };
        let report = WorkerReport {
            phase: Phase::Publishing,
            recording: Some("a.mp3".into()),
            position_seconds: 30.0,
            length_seconds: 30.0,
            in_hand_seconds: 30.0,
            ..WorkerReport::idle(WorkerId::new("worker-0"), 0)
        };
        let snapshot = Snapshot { totals, workers: vec![report] };
        assert_eq!(snapshot.behind_ms(), 35_000);
    }
}
