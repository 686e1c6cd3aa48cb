//! What this worker holds: the table that claiming, the engine, finishing and the heartbeat share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use steno_shared::ids::{Epoch, ItemId, ShardId};
use steno_shared::leases::{Lease, Phase};

use crate::lock::lock;
use crate::pace::PaceBoard;

/// The leases that this worker holds now.
#[derive(Debug, Default)]
pub struct Held {
    items: Mutex<HashMap<ItemId, Arc<HeldItem>>>,
    finished: AtomicU64,
    finished_ms: AtomicU64,
    /// How fast it is worked off, beside what the others hold.
    pub pace: PaceBoard,
}

/// One held lease with its progress.
#[derive(Debug)]
pub struct HeldItem {
    /// The lease as it was granted.
    pub lease: Lease,
    started: Instant,
    /// Moves with every bit of work done; the heartbeat renews only while it does.
    watermark: AtomicU64,
    /// Audio transcribed so far, in milliseconds.
    audio_ms: AtomicU64,
    /// Length of the audio in milliseconds: as it was planned, and once it is decoded, as it is.
    length_ms: AtomicU64,
    /// Whether the engine is done with it.
    heard: AtomicBool,
    stage: Mutex<Stage>,
    lost: AtomicBool,
    /// Somebody else would be done with it sooner.
    unwanted: AtomicBool,
    seen: Mutex<Seen>,
}

/// Where a held recording is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Something works on it.
    Active(Phase),
    /// Prefetched, and waiting for the engine: no progress is expected.
    Waiting,
}

#[derive(Debug)]
struct Seen {
    watermark: u64,
    /// When it last moved or waited.
    at: Instant,
    /// When it was last looked at.
    looked: Instant,
    /// How long it waited for the engine in all.
    waited: Duration,
}

/// Why the heartbeat does not renew a lease any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// Nothing has moved for too long.
    Stalled,
    /// The whole attempt has taken too long.
    OverTime,
}

impl HeldItem {
    fn new(lease: Lease, now: Instant) -> Self {
        let item = Self {
            lease,
            started: now,
            watermark: AtomicU64::new(0),
            audio_ms: AtomicU64::new(0),
            length_ms: AtomicU64::new(0),
            heard: AtomicBool::new(false),
            stage: Mutex::new(Stage::Active(Phase::Fetching)),
            lost: AtomicBool::new(false),
            unwanted: AtomicBool::new(false),
            seen: Mutex::new(Seen { watermark: 0, at: now, looked: now, waited: Duration::ZERO }),
        };
        item.know_length(item.lease.recording.seconds);
        item
    }

    /// Notes that some work was done: bytes fetched or decoded.
    pub fn advance(&self) {
        self.watermark.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how much of the audio is transcribed.
    pub fn advance_audio(&self, seconds: f64) {
        self.audio_ms.store((seconds.max(0.0) * 1000.0) as u64, Ordering::Relaxed);
        self.advance();
    }

    /// Notes how long the audio is, now that it is known.
    pub fn know_length(&self, seconds: f64) {
        self.length_ms.store((seconds.max(0.0) * 1000.0) as u64, Ordering::Relaxed);
    }

    /// Notes that the engine is done with it.
    pub fn end_hearing(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Seconds of audio that the engine has before it is done with this, which it has taken.
    #[must_use]
    pub fn left_seconds(&self) -> f64 {
        if self.heard.load(Ordering::Relaxed) {
            return 0.0;
        }
        self.length_ms.load(Ordering::Relaxed).saturating_sub(self.audio_ms()) as f64 / 1000.0
    }

    /// Length of the audio in milliseconds, as far as it is known.
    #[must_use]
    pub fn length_ms(&self) -> u64 {
        self.length_ms.load(Ordering::Relaxed)
    }

    /// Audio transcribed so far, in milliseconds.
    #[must_use]
    pub fn audio_ms(&self) -> u64 {
        self.audio_ms.load(Ordering::Relaxed)
    }

    /// Notes that something begins to work on it.
    pub fn enter(&self, phase: Phase) {
        *lock(&self.stage) = Stage::Active(phase);
        self.advance();
    }

    /// Notes that it is prepared and waits for the engine.
    pub fn wait(&self) {
        *lock(&self.stage) = Stage::Waiting;
        self.advance();
    }

    /// What works on it; `None` while it waits for the engine.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        match *lock(&self.stage) {
            Stage::Active(phase) => Some(phase),
            Stage::Waiting => None,
        }
    }

    /// Marks the lease as lost: the work on it is in vain.
    pub fn set_lost(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Whether the lease is lost.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Says that it is to be given back, though the engine has begun it: somebody else would be done with it sooner.
    pub fn set_unwanted(&self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }

    /// Whether the engine is to go on no more: the lease is lost, or is to be given back.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_lost() || self.unwanted.load(Ordering::Relaxed)
    }

    /// Whether the lease should be renewed no more: the watermark has not moved for `stall`, or the attempt has
    /// been worked on for longer than `cap` in all, as seen by those who ask. A prefetched item that waits is never stuck.
    pub fn stuck(&self, now: Instant, stall: Duration, cap: Duration) -> Option<Stuck> {
        let watermark = self.watermark.load(Ordering::Relaxed);
        let mut seen = lock(&self.seen);
        let waits = self.phase().is_none();
        if watermark != seen.watermark || waits {
            (seen.watermark, seen.at) = (watermark, now);
        }
        let since_looked = now.duration_since(seen.looked);
        seen.looked = now;
        if waits {
            seen.waited += since_looked;
            return None;
        }
        if now.duration_since(seen.at) >= stall {
            Some(Stuck::Stalled)
        } else if now.duration_since(self.started).saturating_sub(seen.waited) >= cap {
            Some(Stuck::OverTime)
        } else {
            None
        }
    }
}

impl Held {
    /// Takes a granted lease into the table.
    pub fn insert(&self, lease: Lease) -> Arc<HeldItem> {
        let item = Arc::new(HeldItem::new(lease, Instant::now()));
        lock(&self.items).insert(item.lease.id.clone(), Arc::clone(&item));
        item
    }

    /// Drops a lease that was completed, failed, released or lost.
    pub fn remove(&self, id: &ItemId) {
        lock(&self.items).remove(id);
    }

    /// Notes that a recording was completed.
    pub fn count_finished(&self, item: &HeldItem) {
        self.finished.fetch_add(1, Ordering::Relaxed);
        let planned = item.lease.recording.seconds;
        self.finished_ms.fetch_add((planned.max(0.0) * 1000.0) as u64, Ordering::Relaxed);
    }

    /// Recordings completed since the start, and their audio in milliseconds.
    #[must_use]
    pub fn finished(&self) -> (u64, u64) {
        (self.finished.load(Ordering::Relaxed), self.finished_ms.load(Ordering::Relaxed))
    }

    /// How many are held.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.items).len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        lock(&self.items).is_empty()
    }

    /// Whether something is held that must be held alone, since its worker vanished before.
    #[must_use]
    pub fn has_suspect(&self) -> bool {
        lock(&self.items).values().any(|item| item.lease.is_suspect())
    }

    /// All that is held, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<HeldItem>> {
        lock(&self.items).values().cloned().collect()
    }
}

/// Groups leases by shard, as one renewal touches one shard.
#[must_use]
pub fn by_shard(items: &[Arc<HeldItem>]) -> Vec<(ShardId, Vec<(ItemId, Epoch)>)> {
    let mut shards: HashMap<ShardId, Vec<(ItemId, Epoch)>> = HashMap::new();
    for item in items {
        shards.entry(item.lease.shard).or_default().push((item.lease.id.clone(), item.lease.epoch));
    }
    shards.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use steno_shared::recording::{DurationSource, Recording};

    const STALL: Duration = Duration::from_secs(60);
    const CAP: Duration = Duration::from_secs(600);

    fn item() -> (HeldItem, Instant) {
        let recording = Recording {
            name: "a.mp3".into(),
            etag: "e".into(),
            size_bytes: 1,
            seconds: 10.0,
            seconds_from: DurationSource::Header,
            part: None,
        };
        let lease = Lease {
            shard: ShardId(0),
            id: recording.id(),
            epoch: Epoch(1),
            recording,
            attempt: 1,
            fails: 0,
            lost: 0,
            deadline_ms_left: 1000,
        };
        let now = Instant::now();
        (HeldItem::new(lease, now), now)
    }

    #[test]
    fn a_stuck_generate_is_noticed_and_a_slow_one_is_not() {
        let (item, start) = item();
        assert_eq!(item.stuck(start + STALL / 2, STALL, CAP), None);
        item.advance_audio(1.0);
        assert_eq!(item.stuck(start + STALL, STALL, CAP), None, "it moved");
        assert_eq!(item.stuck(start + STALL * 2, STALL, CAP), Some(Stuck::Stalled));
    }

    #[test]
    fn what_is_left_follows_the_true_length_and_ends_with_the_engine() {
        let (item, _) = item();
        assert_eq!(item.left_seconds(), 10.0);
        item.know_length(4.0);
        item.advance_audio(1.5);
        assert_eq!(item.left_seconds(), 2.5);
        item.end_hearing();
        assert_eq!(item.left_seconds(), 0.0, "the rest was skipped, or it failed");
    }

    #[test]
    fn moving_for_ever_is_ended_by_the_cap() {
        let (item, start) = item();
        let mut last = None;
        for minute in 0..=10 {
            item.advance();
            last = item.stuck(start + Duration::from_secs(60 * minute), STALL, CAP);
        }
        assert_eq!(last, Some(Stuck::OverTime));
    }

    #[test]
    fn a_prefetched_recording_may_wait_for_hours() {
        let (item, start) = item();
        item.wait();
        assert_eq!(item.stuck(start + CAP * 100, STALL, CAP), None);
        item.enter(Phase::Transcribing);
        let late = start + CAP * 100;
        assert_eq!(item.stuck(late, STALL, CAP), None, "to wait is no work");
        item.advance();
        assert_eq!(item.stuck(late + CAP, STALL, CAP), Some(Stuck::OverTime));
    }
}
