//! How many recordings of a batch are done, given up and left, where some are worked on in parts.

use std::collections::HashMap;

use steno_shared::batch::BatchMeta;
use steno_shared::ids::{ItemId, ShardId};
use steno_shared::leases::{ItemState, Leases};

use crate::failure::Failure;
use crate::listing;
use crate::progress::Totals;

/// Recordings of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    /// Transcribed, all parts.
    pub(super) done: u64,
    /// Given up, at least one part, and no part is left.
    pub(super) dead: u64,
    /// The others.
    pub(super) open: u64,
}

impl From<Totals> for Standing {
    /// Where every lease is a whole recording.
    fn from(totals: Totals) -> Self {
        Self { done: totals.done, dead: totals.dead, open: totals.open() }
    }
}

impl Standing {
    /// Of a batch with these totals, of which some recordings are split or not.
    pub(super) async fn read(
        leases: &Leases,
        meta: &BatchMeta,
        totals: Totals,
        is_split: bool,
    ) -> Result<Self, Failure> {
        if !is_split {
            return Ok(totals.into());
        }
        // The worst of its parts is what a recording is.
        let mut worst: HashMap<ItemId, ItemState> = HashMap::new();
        for shard in (0..meta.shards).map(ShardId) {
            listing::for_each(leases, shard, None, |row| {
                let found = worst.entry(row.recording.whole_id()).or_insert(row.state);
                if rank(row.state) > rank(*found) {
                    *found = row.state;
                }
            })
            .await?;
        }
        let count = |wanted: usize| worst.values().filter(|state| rank(**state) == wanted).count() as u64;
        Ok(Self { done: count(0), dead: count(1), open: count(2) })
    }
}

fn rank(state: ItemState) -> usize {
    match state {
        ItemState::Done => 0,
        ItemState::Dead => 1,
        ItemState::Ready | ItemState::Leased | ItemState::Delayed => 2,
    }
}
