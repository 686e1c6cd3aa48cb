//! What a user does to a batch: requeue, forget, cancel, reopen.

use super::batch::count;
use super::error::LeaseError;
use super::queue::{Args, Leases};
use super::scripts::{CANCEL, FORGET, REQUEUE};
use crate::ids::{ItemId, ShardId};

/// Items sent at once.
const IDS_CHUNK: usize = 500;

impl Leases {
    /// Makes dead items ready again; others are left alone. History and epoch stay, the limits count anew.
    /// Which items: list the dead ones with [`Leases::items`] and choose.
    ///
    /// # Errors
    /// As any call; what was requeued before the error stays so.
    pub async fn requeue(&self, shard: ShardId, ids: &[ItemId]) -> Result<u64, LeaseError> {
        let doing = format!("requeue {} items of shard {shard} of batch {}", ids.len(), self.batch);
        let mut requeued = 0;
        for chunk in ids.chunks(IDS_CHUNK) {
            let args = chunk.iter().fold(Args::versioned(), Args::and);
            requeued += count(&doing, self.on_shard(&doing, &REQUEUE, shard, args).await?)?;
        }
        Ok(requeued)
    }

    /// Drops items that the input does not hold any more; those that somebody works on are left alone. Tells how
    /// many were dropped.
    ///
    /// # Errors
    /// As any call; what was dropped before the error stays so.
    pub async fn forget(&self, shard: ShardId, ids: &[ItemId]) -> Result<u64, LeaseError> {
        let doing = format!("forget {} items of shard {shard} of batch {}", ids.len(), self.batch);
        let mut dropped = 0;
        for chunk in ids.chunks(IDS_CHUNK) {
            let args = chunk.iter().fold(Args::versioned(), Args::and);
            dropped += count(&doing, self.on_shard(&doing, &FORGET, shard, args).await?)?;
        }
        Ok(dropped)
    }

    /// Stops handing out leases of a shard; what is held may finish or be given up. True if it was not stopped yet.
    ///
    /// # Errors
    /// As any call.
    pub async fn cancel(&self, shard: ShardId) -> Result<bool, LeaseError> {
        let doing = format!("cancel shard {shard} of batch {}", self.batch);
        let args = Args::versioned().and(1);
        Ok(count(&doing, self.on_shard(&doing, &CANCEL, shard, args).await?)? == 1)
    }

    /// Hands out leases of a shard again. True if it was stopped.
    ///
    /// # Errors
    /// As any call.
    pub async fn reopen(&self, shard: ShardId) -> Result<bool, LeaseError> {
        let doing = format!("reopen shard {shard} of batch {}", self.batch);
        let args = Args::versioned().and(0);
        Ok(count(&doing, self.on_shard(&doing, &CANCEL, shard, args).await?)? == 1)
    }
}
