//! Claiming, renewing.

use std::time::Duration;

use redis::Value;

use super::error::LeaseError;
use super::payload;
use super::queue::{Args, Leases, field};
use super::reply::Reply;
use super::scripts::{CLAIM, RENEW};
use crate::ids::{Epoch, ItemId, ShardId, WorkerId};
use crate::recording::Recording;

/// Delayed items promoted, and expired leases taken back, by one claim at most.
const SWEEP: u32 = 32;
/// Suspects that a worker which holds something else passes over in one claim at most.
const SUSPECTS_PASSED_OVER: u32 = 32;
/// Items granted by one claim at most.
const GRANT_MAX: u32 = 256;
/// Longest lease: what must last longer is renewed, so that a dead worker's item is never stuck for hours.
const LEASE_LONGEST: Duration = Duration::from_secs(3600);

/// Names one claim, so that a repeated request is recognised. 64 random bits: unique among one worker's claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// A new request.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }
}

/// A wish for work.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The request's name; the same name again gives the same leases.
    pub request_id: RequestId,
    /// Who asks.
    pub worker: WorkerId,
    /// How many items at most, 0 to 256; 0 only promotes and takes back what is due.
    pub count: u32,
    /// How long the leases last without renewal, in milliseconds: 1 to an hour.
    pub lease_ms: u64,
    /// Whether the worker holds nothing else. Only then is it given a *suspect*: an item whose worker has vanished
    /// before. It must hold nothing else beside one, so that an item that kills its worker is the only one to be
    /// blamed the second time.
    pub alone: bool,
    /// The longest item that it takes, in milliseconds; `None` for any. A slow worker leaves longer ones to others.
    pub longest_ms: Option<u64>,
}

/// An item held by a worker until its deadline.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// The queue it came from.
    pub shard: ShardId,
    /// The item.
    pub id: ItemId,
    /// The fencing token; every later call carries it.
    pub epoch: Epoch,
    /// The recording; its length is the predicted one, to the millisecond.
    pub recording: Recording,
    /// Which attempt this is, from 1: failed and vanished attempts count, those given back unfinished do not.
    pub attempt: u32,
    /// Attempts that failed before.
    pub fails: u32,
    /// Attempts whose worker vanished before.
    pub lost: u32,
    /// Milliseconds until the deadline when Redis answered.
    pub deadline_ms_left: u64,
}

/// Whether a batch hands out leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// It does.
    Running,
    /// It was cancelled: finish or give up what is held, then leave.
    Cancelled,
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// What was granted, longest first; may be fewer than asked for.
    pub leases: Vec<Lease>,
    /// Whether the batch hands out leases.
    pub batch: BatchState,
    /// Milliseconds until something of this shard may become claimable by itself (a delayed item, an expired
    /// lease); `None` if nothing will, and if all that was asked for was granted.
    pub next_due_ms: Option<u64>,
}

/// The answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// Items that the worker no longer holds under the epoch it named.
    pub lost: Vec<ItemId>,
    /// Whether the batch is cancelled: finish or give up what is held, then leave.
    pub drain: bool,
}

impl Lease {
    /// Whether a worker has vanished while it held the item: see [`ClaimRequest::alone`].
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.lost > 0
    }
}

impl Leases {
    /// Takes the longest items that are ready. Promotes due delayed items and takes back expired leases on the way.
    ///
    /// # Errors
    /// As any call; [`LeaseError::Config`] for a lease of no or more than an hour's length.
    pub async fn claim(&self, shard: ShardId, request: &ClaimRequest) -> Result<Claim, LeaseError> {
        let doing = format!("claim from shard {shard} of batch {}", self.batch);
        let worker = owner(&request.worker);
        let args = Args::versioned()
            .and(format!("{:016x}", request.request_id.0))
            .and(worker)
            .and(request.count.min(GRANT_MAX))
            .and(checked_lease_ms(&doing, request.lease_ms)?)
            .and(SWEEP)
            .and(if request.alone { String::new() } else { SUSPECTS_PASSED_OVER.to_string() })
            .and(request.longest_ms.map_or_else(|| "+inf".to_owned(), |ms| ms.to_string()));
        read_claim(&doing, shard, self.on_shard(&doing, &CLAIM, shard, args).await?)
    }

    /// Moves the deadlines of what a worker holds in one shard. A lease past its deadline that nobody has taken
    /// back is renewed as well.
    ///
    /// # Errors
    /// As [`Leases::claim`].
    pub async fn renew(
        &self,
        shard: ShardId,
        worker: &WorkerId,
        held: &[(ItemId, Epoch)],
        lease_ms: u64,
    ) -> Result<Renewal, LeaseError> {
        let doing = format!("renew {} leases in shard {shard} of batch {}", held.len(), self.batch);
        let mut args = Args::versioned().and(owner(worker)).and(checked_lease_ms(&doing, lease_ms)?);
        for (id, epoch) in held {
            args.push(id);
            args.push(epoch);
        }
        read_renewal(&doing, self.on_shard(&doing, &RENEW, shard, args).await?)
    }
}

fn owner(worker: &WorkerId) -> String {
    field(worker.as_str(), 200)
}

fn checked_lease_ms(doing: &str, lease_ms: u64) -> Result<u64, LeaseError> {
    if lease_ms == 0 || u128::from(lease_ms) > LEASE_LONGEST.as_millis() {
        let reason = format!("a lease of {lease_ms} ms is not possible; use 1 ms to one hour and renew it");
        return Err(LeaseError::Config { doing: doing.to_owned(), reason });
    }
    Ok(lease_ms)
}

pub(super) fn read_claim(doing: &str, shard: ShardId, answer: Value) -> Result<Claim, LeaseError> {
    let mut reply = Reply::new(doing, answer)?;
    let batch = if reply.next::<u8>("cancelled")? == 1 { BatchState::Cancelled } else { BatchState::Running };
    let next_due_ms = u64::try_from(reply.next::<i64>("next due")?).ok();
    let leases = reply.rows().map(|row| lease(shard, row?)).collect::<Result<_, _>>()?;
    Ok(Claim { leases, batch, next_due_ms })
}

pub(super) fn read_renewal(doing: &str, answer: Value) -> Result<Renewal, LeaseError> {
    let mut reply = Reply::new(doing, answer)?;
    let drain = reply.next::<u8>("drain")? == 1;
    let lost: Vec<String> = reply.rest("lost item")?;
    Ok(Renewal { lost: lost.into_iter().map(ItemId::from_text).collect(), drain })
}

fn lease(shard: ShardId, mut row: Reply<'_>) -> Result<Lease, LeaseError> {
    let id = ItemId::from_text(row.next::<String>("id")?);
    let epoch = Epoch(row.next("epoch")?);
    let attempt = row.next("attempt")?;
    let fails = row.next("fails")?;
    let lost = row.next("lost")?;
    let left: i64 = row.next("deadline")?;
    let ms = row.next("length")?;
    let packed: Vec<u8> = row.next("payload")?;
    let recording = payload::unpack(&packed, ms).map_err(|error| row.bad("payload", error))?;
    let deadline_ms_left = u64::try_from(left).unwrap_or(0);
    Ok(Lease { shard, id, epoch, recording, attempt, fails, lost, deadline_ms_left })
}
