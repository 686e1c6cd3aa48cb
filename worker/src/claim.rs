//! Claiming: from the own shard first, then from the one with the most seconds left.

use steno_shared::leases::{
    BatchState, ClaimRequest, IdleDecision, Lease, LeaseError, RequestId, ShardCounts, shard_order,
};

use crate::batch::{Ahead, windows_expected};
use crate::station::Station;

/// What a worker that wants one more recording finds.
#[derive(Debug)]
pub enum Claimed {
    /// A recording to work on.
    Lease(Box<Lease>),
    /// Nothing is claimable now, but others may yet give something up.
    Nothing {
        /// Recordings that are neither done nor dead, in all shards.
        open: u64,
    },
    /// There may be more, but this worker has its share.
    Enough,
    /// The batch hands out nothing more.
    Cancelled,
}

/// Tries to claim one recording anywhere in the batch; `alone` tells that this worker holds nothing else. `waiting`
/// windows wait for its engine or are being prepared for it, and `batch_size` are a batch.
///
/// # Errors
/// If Redis is away for longer than the retry budget, or refuses.
pub async fn claim_one(
    station: &Station,
    alone: bool,
    waiting: usize,
    batch_size: usize,
) -> Result<Claimed, LeaseError> {
    let meta = &station.config.meta;
    let counts = station.leases.all_counts(meta.shards).await?;
    let window_seconds = meta.options.window_seconds();
    let windows = |shard: &ShardCounts| {
        shard.ready.max(windows_expected(shard.ready_ms as f64 / 1000.0, window_seconds) as u64)
    };
    let unclaimed = counts.iter().filter(|shard| shard.ready > 0).map(windows).sum();
    let ahead = Ahead { waiting, batch_size, unclaimed, workers: meta.shards };
    if !ahead.wants_more() {
        return Ok(Claimed::Enough);
    }
    for shard in shard_order(station.home, &counts) {
        let request = ClaimRequest {
            request_id: RequestId::random(),
            worker: station.worker.clone(),
            count: 1,
            lease_ms: station.config.lease_ms,
            alone,
        };
        let claim = station.leases.claim(shard, &request).await?;
        if claim.batch == BatchState::Cancelled {
            return Ok(Claimed::Cancelled);
        }
        if let Some(lease) = claim.leases.into_iter().next() {
            return Ok(Claimed::Lease(Box::new(lease)));
        }
    }
    if counts.iter().any(|shard| shard.cancelled) {
        return Ok(Claimed::Cancelled);
    }
    Ok(Claimed::Nothing { open: counts.iter().map(ShardCounts::open).sum() })
}

/// Whether an idle worker may leave for good.
///
/// # Errors
/// If Redis is away for longer than the retry budget, or refuses.
pub async fn may_leave(station: &Station, open: u64) -> Result<bool, LeaseError> {
    let advice = station.leases.idle(&station.worker, station.config.lease_ms, open).await?;
    Ok(advice.decision == IdleDecision::Leave)
}
