//! A shard in numbers.

use redis::Value;

use super::error::LeaseError;
use super::keys::shard_keys;
use super::queue::{Args, Leases};
use super::reply::Reply;
use super::request::Request;
use super::scripts::COUNTS;
use crate::ids::ShardId;

/// A shard's counts and sums of predicted milliseconds at one moment.
///
/// `ready + leased + delayed + done + dead == enqueued`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each state's count and its sum of predicted milliseconds")]
pub struct ShardCounts {
    pub shard: ShardId,
    pub ready: u64,
    pub leased: u64,
    pub delayed: u64,
    pub dead: u64,
    pub done: u64,
    pub enqueued: u64,
    pub ready_ms: u64,
    pub leased_ms: u64,
    pub delayed_ms: u64,
    pub dead_ms: u64,
    pub done_ms: u64,
    /// Of the leased: past their deadline, so claimable.
    pub expired: u64,
    /// Of the delayed: due, so claimable.
    pub due: u64,
    /// The longest of those that are ready; 0 if none is.
    pub longest_ms: u64,
    /// Of all that are enqueued: parts of recordings that are not their first. Without them there is one for each recording.
    pub further_parts: u64,
    /// Whether the shard has stopped handing out leases.
    pub cancelled: bool,
}

impl ShardCounts {
    /// Of a shard that holds nothing.
    #[must_use]
    pub fn empty(shard: ShardId) -> Self {
        Self {
            shard,
            ready: 0,
            leased: 0,
            delayed: 0,
            dead: 0,
            done: 0,
            enqueued: 0,
            ready_ms: 0,
            leased_ms: 0,
            delayed_ms: 0,
            dead_ms: 0,
            done_ms: 0,
            expired: 0,
            due: 0,
            longest_ms: 0,
            further_parts: 0,
            cancelled: false,
        }
    }

    /// Whether a claim would get something now.
    #[must_use]
    pub fn is_claimable(&self) -> bool {
        !self.cancelled && self.ready + self.expired + self.due > 0
    }

    /// Items that are neither done nor dead.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.ready + self.leased + self.delayed
    }

    /// Items that come back by themselves should their holders vanish: what [`Leases::idle`] calls live.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.leased + self.delayed
    }
}

impl Leases {
    /// One shard's counts.
    ///
    /// # Errors
    /// As any call.
    pub async fn counts(&self, shard: ShardId) -> Result<ShardCounts, LeaseError> {
        let doing = format!("count shard {shard} of batch {}", self.batch);
        let answer = self.on_shard(&doing, &COUNTS, shard, Args::versioned()).await?;
        read_counts(&doing, shard, answer)
    }

    /// The counts of the first `shards` shards, in one round trip. Each shard's are of one moment, together they
    /// are not.
    ///
    /// # Errors
    /// As any call.
    pub async fn all_counts(&self, shards: u32) -> Result<Vec<ShardCounts>, LeaseError> {
        let doing = format!("count batch {}", self.batch);
        let keys: Vec<_> = (0..shards).map(|shard| shard_keys(&self.batch, ShardId(shard))).collect();
        let args = Args::versioned();
        let answer = self
            .request(&doing, Request::ScriptForEach { script: &COUNTS, keys: &keys, args: &args.0 })
            .await?;
        let answers: Vec<Value> = Reply::new(&doing, answer)?.rest("counts")?;
        (0..shards).zip(answers).map(|(shard, answer)| read_counts(&doing, ShardId(shard), answer)).collect()
    }
}

pub(super) fn read_counts(doing: &str, shard: ShardId, answer: Value) -> Result<ShardCounts, LeaseError> {
    let mut reply = Reply::new(doing, answer)?;
    Ok(ShardCounts {
        shard,
        ready: reply.next("ready")?,
        leased: reply.next("leased")?,
        delayed: reply.next("delayed")?,
        dead: reply.next("dead")?,
        done: reply.next("done")?,
        enqueued: reply.next("enqueued")?,
        ready_ms: reply.next("ready ms")?,
        leased_ms: reply.next("leased ms")?,
        delayed_ms: reply.next("delayed ms")?,
        dead_ms: reply.next("dead ms")?,
        done_ms: reply.next("done ms")?,
        expired: reply.next("expired")?,
        due: reply.next("due")?,
        cancelled: reply.next::<u8>("cancelled")? == 1,
        longest_ms: reply.next("longest")?,
        further_parts: reply.next("further parts")?,
    })
}
