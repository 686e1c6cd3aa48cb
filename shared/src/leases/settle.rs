//! How a lease ends: complete, fail, release. Each carries the epoch and is told when it comes too late.

use redis::Value;

use super::error::LeaseError;
use super::item::Current;
use super::queue::{Args, Leases, field};
use super::reply::Reply;
use super::scripts::{COMPLETE, FAIL, RELEASE};
use crate::ids::{Epoch, ItemId, ShardId};

/// Longest error kept with an item, in characters; the whole is in the worker's log.
const ERROR_LONGEST: usize = 500;

/// The answer to a completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completed {
    /// The item is done.
    Done,
    /// It was done already, with the same digest.
    Again,
    /// Somebody else has it or has finished it; `None` when Redis does not know the item. No error: what was
    /// published stays, and whoever has the item will find it.
    Superseded(Option<Current>),
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailClass {
    /// It may work the next time.
    Retry,
    /// It never will: dead at once.
    Poison,
}

/// The answer to a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// It is tried again after this many milliseconds.
    Delayed {
        /// Milliseconds from now.
        ms: u64,
    },
    /// It is given up: poison, or its attempts are used up.
    Dead,
    /// The lease was over; see [`Completed::Superseded`].
    Superseded(Option<Current>),
}

/// The answer to a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Released {
    /// It is ready for somebody else.
    Ready,
    /// It was released before by this very lease.
    Again,
    /// It was given back too often and is given up.
    Dead,
    /// The lease was over; see [`Completed::Superseded`].
    Superseded(Option<Current>),
}

impl Leases {
    /// The transcript is published: the item is done. Accepted past the deadline too, as long as nobody else has
    /// claimed the item since.
    ///
    /// # Errors
    /// As any call.
    pub async fn complete(
        &self,
        shard: ShardId,
        id: &ItemId,
        epoch: Epoch,
        digest: &str,
    ) -> Result<Completed, LeaseError> {
        let doing = format!("complete item {id} in shard {shard} of batch {}", self.batch);
        let args = Args::versioned().and(id).and(epoch).and(field(digest, ERROR_LONGEST));
        read_completed(&doing, self.on_shard(&doing, &COMPLETE, shard, args).await?)
    }

    /// The attempt failed: the item waits to be tried again, or is dead.
    ///
    /// # Errors
    /// As any call.
    pub async fn fail(
        &self,
        shard: ShardId,
        id: &ItemId,
        epoch: Epoch,
        class: FailClass,
        error: &str,
    ) -> Result<Failed, LeaseError> {
        let doing = format!("report the failure of item {id} in shard {shard} of batch {}", self.batch);
        let class = match class {
            FailClass::Retry => "retry",
            FailClass::Poison => "poison",
        };
        let args = Args::versioned().and(id).and(epoch).and(class).and(field(error, ERROR_LONGEST));
        read_failed(&doing, self.on_shard(&doing, &FAIL, shard, args).await?)
    }

    /// Gives an item back unfinished; costs no attempt.
    ///
    /// # Errors
    /// As any call.
    pub async fn release(&self, shard: ShardId, id: &ItemId, epoch: Epoch) -> Result<Released, LeaseError> {
        let doing = format!("release item {id} in shard {shard} of batch {}", self.batch);
        let args = Args::versioned().and(id).and(epoch);
        read_released(&doing, self.on_shard(&doing, &RELEASE, shard, args).await?)
    }
}

pub(super) fn read_completed(doing: &str, answer: Value) -> Result<Completed, LeaseError> {
    let mut reply = Reply::new(doing, answer)?;
    match reply.next::<String>("answer")?.as_str() {
        "done" => Ok(Completed::Done),
        "again" => Ok(Completed::Again),
        "superseded" => Ok(Completed::Superseded(reply.current()?)),
        other => Err(reply.unknown(other)),
    }
}

pub(super) fn read_failed(doing: &str, answer: Value) -> Result<Failed, LeaseError> {
    let mut reply = Reply::new(doing, answer)?;
    match reply.next::<String>("answer")?.as_str() {
        "delayed" => Ok(Failed::Delayed { ms: reply.next("delay")? }),
        "dead" => Ok(Failed::Dead),
        "superseded" => Ok(Failed::Superseded(reply.current()?)),
        other => Err(reply.unknown(other)),
    }
}

pub(super) fn read_released(doing: &str, answer: Value) -> Result<Released, LeaseError> {
    let mut reply = Reply::new(doing, answer)?;
    match reply.next::<String>("answer")?.as_str() {
        "ready" => Ok(Released::Ready),
        "again" => Ok(Released::Again),
        "dead" => Ok(Released::Dead),
        "superseded" => Ok(Released::Superseded(reply.current()?)),
        other => Err(reply.unknown(other)),
    }
}
