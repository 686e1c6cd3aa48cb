//! Claiming: from the own shard first, then from the one with the most seconds left.

use std::sync::Mutex;
use std::time::Duration;

use steno_shared::ahead::{Ahead, windows_unclaimed};
use steno_shared::ids::ShardId;
use steno_shared::leases::{
    BatchState, Claim, ClaimRequest, IdleDecision, Lease, LeaseError, RequestId, ShardCounts, shard_order,
};

use crate::lock::lock;
use crate::pace::Paced;
use crate::station::Station;

/// How long a worker that ends asks for what it may have been granted.
const LAST_BUDGET: Duration = Duration::from_secs(2);

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
    /// There may be more, but this worker has its share, or it is too early to take more.
    Enough {
        /// Windows that nobody has claimed.
        unclaimed: u64,
    },
    /// The batch hands out nothing more.
    Cancelled,
}

/// The claims of one worker, one after the other.
///
/// A claim that was not answered, however long it was tried, may have been carried out all the same: it is asked again under the
/// same request, so that what it was granted is worked on, and does not count as a worker's death when its lease runs out.
#[derive(Debug, Default)]
pub struct Claims {
    unanswered: Mutex<Option<(ShardId, RequestId)>>,
}

impl Claims {
    /// Claims at most one recording of a shard, which is no longer than `longest_ms` if that is given.
    ///
    /// # Errors
    /// If Redis is away for longer than the retry budget, or refuses.
    pub async fn take(
        &self,
        station: &Station,
        shard: ShardId,
        alone: bool,
        longest_ms: Option<u64>,
    ) -> Result<Claim, LeaseError> {
        let request_id = match self.unanswered() {
            Some((of, request_id)) if of == shard => request_id,
            Some(_) | None => RequestId::random(),
        };
        self.set(Some((shard, request_id)));
        let request = ClaimRequest {
            request_id,
            worker: station.worker.clone(),
            count: 1,
            lease_ms: station.config.lease_ms,
            alone,
            longest_ms,
        };
        let claim = station.leases.claim(shard, &request).await?;
        self.set(None);
        Ok(claim)
    }

    /// When the worker ends: asks for the last time what was granted to an unanswered claim, and gives it back.
    pub async fn give_back(&self, station: &Station) {
        let Some((shard, _)) = self.unanswered() else { return };
        let leases = station.leases.clone().with_retry_budget(LAST_BUDGET);
        let station = &Station { leases, ..station.clone() };
        match self.take(station, shard, false, None).await {
            Ok(claim) => {
                for lease in claim.leases {
                    if let Err(error) = station.leases.release(shard, &lease.id, lease.epoch).await {
                        tracing::warn!(%error, "lease.release_not_told");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "claim.never_answered"),
        }
    }

    fn unanswered(&self) -> Option<(ShardId, RequestId)> {
        *lock(&self.unanswered)
    }

    fn set(&self, unanswered: Option<(ShardId, RequestId)>) {
        *lock(&self.unanswered) = unanswered;
    }
}

/// What a worker has before it claims one more: [`Ahead`] without what only Redis knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InHand {
    /// Whether it holds nothing at all.
    pub nothing: bool,
    /// Windows that wait for its engine or are being prepared for it.
    pub waiting: usize,
    /// Windows of the recording that its engine must be done with first.
    pub begun: u64,
    /// Windows of one batch.
    pub batch_size: usize,
}

impl InHand {
    /// Whether it takes one more whatever is left for others.
    fn needs_one(&self) -> bool {
        self.waiting == 0 && self.begun <= 1
    }

    /// With what Redis knows.
    #[must_use]
    pub fn ahead(&self, unclaimed: u64, workers: u32) -> Ahead {
        let Self { waiting, begun, batch_size, nothing: _ } = *self;
        Ahead { waiting, begun, batch_size, unclaimed, workers }
    }
}

/// Tries to claim one recording anywhere in the batch; with a pace that is known, none that others would be done with sooner.
///
/// # Errors
/// If Redis is away for longer than the retry budget, or refuses.
pub async fn claim_one(
    claims: &Claims,
    station: &Station,
    in_hand: InHand,
    paced: Option<Paced>,
) -> Result<Claimed, LeaseError> {
    let alone = in_hand.nothing;
    if let Some((shard, _)) = claims.unanswered()
        && let Some(lease) = claims.take(station, shard, alone, None).await?.leases.into_iter().next()
    {
        return Ok(Claimed::Lease(Box::new(lease)));
    }
    let meta = &station.config.meta;
    let uneven = paced.filter(|paced| paced.is_any_slow);
    // Whoever needs one in any case need not look at all shards, as long as its own has some.
    if in_hand.needs_one()
        && uneven.is_none()
        && let Some(claimed) = one_of(claims.take(station, station.home, alone, None).await?)
    {
        return Ok(claimed);
    }
    let counts = station.leases.all_counts(meta.shards).await?;
    let unclaimed = windows_unclaimed(&counts, meta.options.window_seconds());
    if !in_hand.ahead(unclaimed, station.config.workers).wants_more() {
        return Ok(Claimed::Enough { unclaimed });
    }
    let longest_ms = uneven.and_then(|paced| paced.longest_ms(&counts));
    for shard in shard_order(station.home, &counts, uneven.is_some()) {
        if let Some(claimed) = one_of(claims.take(station, shard, alone, longest_ms).await?) {
            return Ok(claimed);
        }
    }
    if counts.iter().any(|shard| shard.cancelled) {
        return Ok(Claimed::Cancelled);
    }
    if longest_ms.is_some() && counts.iter().any(|shard| shard.ready > 0) {
        return Ok(Claimed::Enough { unclaimed });
    }
    Ok(Claimed::Nothing { open: counts.iter().map(ShardCounts::open).sum() })
}

/// What a claim of one recording found; `None` if nothing.
fn one_of(claim: Claim) -> Option<Claimed> {
    if claim.batch == BatchState::Cancelled {
        return Some(Claimed::Cancelled);
    }
    claim.leases.into_iter().next().map(|lease| Claimed::Lease(Box::new(lease)))
}

/// Whether an idle worker may leave for good.
///
/// # Errors
/// If Redis is away for longer than the retry budget, or refuses.
pub async fn may_leave(station: &Station, open: u64) -> Result<bool, LeaseError> {
    let advice = station.leases.idle(&station.worker, station.config.lease_ms, open).await?;
    Ok(advice.decision == IdleDecision::Leave)
}
