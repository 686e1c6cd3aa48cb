//! Recordings to shards: longest first, so that every shard holds the same work.
//!
//! Pure: no storage, no Redis. A shard is a lease queue; workers start with their own and then help where the most
//! seconds are left (LEASES.md, "Scheduling"), so that an imperfect spread costs locality, never the makespan.

mod split;

pub use split::{Beside, split};

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;

use steno_shared::recording::Recording;

use crate::probe::seconds_from_size;

/// Shards of a batch at most. Workers look at all of them before they claim, so each costs every claim some microseconds of Redis's
/// time; more of them gain nothing, since workers help each other.
const SHARDS_MAX: u32 = 16;

/// How many shards a batch has that is begun by so many workers: one for each, up to 16. Workers beyond that share one.
#[must_use]
pub fn shards_for(workers: NonZeroU32) -> NonZeroU32 {
    workers.min(NonZeroU32::new(SHARDS_MAX).unwrap_or(workers))
}

/// What one lease queue is to hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shard {
    /// Longest first; equal lengths by name.
    pub recordings: Vec<Recording>,
    /// The sum of what [`predicted_seconds`] says of each.
    pub seconds: f64,
}

/// Spreads recordings over shards: longest first, each to the shard with the least to do.
///
/// Nothing is lost or doubled. The same recordings give the same shards, in whatever order they come. There are
/// always `shards` shards; with fewer recordings than that, some are empty.
#[must_use]
pub fn plan(mut recordings: Vec<Recording>, shards: NonZeroU32) -> Vec<Shard> {
    recordings.sort_unstable_by(|a, b| {
        predicted_us(b)
            .cmp(&predicted_us(a))
            .then_with(|| a.name.cmp(&b.name))
            .then_with(|| a.etag.cmp(&b.etag))
            .then_with(|| a.size_bytes.cmp(&b.size_bytes))
    });
    let mut planned: Vec<Shard> = (0..shards.get()).map(|_| Shard::default()).collect();
    // Least work first, then fewest recordings, so that a pile of empty ones is spread as well.
    let mut least: BinaryHeap<_> = (0..planned.len()).map(|index| Reverse((0u64, 0usize, index))).collect();
    for recording in recordings {
        let Some(Reverse((us, count, index))) = least.pop() else { break };
        let us = us.saturating_add(predicted_us(&recording));
        least.push(Reverse((us, count + 1, index)));
        let shard = &mut planned[index];
        shard.seconds = us as f64 / 1e6;
        shard.recordings.push(recording);
    }
    planned
}

/// How long a recording is taken to be: what its manifest line says, or an estimate from its size where that is
/// no length at all.
#[must_use]
pub fn predicted_seconds(recording: &Recording) -> f64 {
    if recording.seconds.is_finite() && recording.seconds >= 0.0 {
        recording.seconds
    } else {
        seconds_from_size(recording.size_bytes, None, &recording.name)
    }
}

/// Whole microseconds: sums of them do not depend on the order, and they have a total order.
fn predicted_us(recording: &Recording) -> u64 {
    micros(predicted_seconds(recording))
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

/// No schedule on `workers` equal workers ends sooner than this: the mean load, or the longest recording.
#[must_use]
pub fn lower_bound_seconds(total: f64, longest: f64, workers: NonZeroU32) -> f64 {
    (total / f64::from(workers.get())).max(longest)
}

#[cfg(test)]
mod tests;
