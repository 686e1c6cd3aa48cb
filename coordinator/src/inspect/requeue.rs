//! `steno requeue`: failed recordings back into the same batch.

use std::collections::HashSet;

use globset::GlobMatcher;
use steno_shared::ids::ShardId;
use steno_shared::leases::{ItemRow, ItemState, Leases};

use crate::failure::Failure;
use crate::listing;

/// Which failed items to requeue.
#[derive(Debug, Clone)]
pub enum Selection {
    /// All of them.
    All,
    /// Those with one of these ids, a name that one of the patterns matches, or an error of one of the classes.
    Some {
        /// Item ids.
        ids: HashSet<String>,
        /// Patterns over whole names.
        names: Vec<GlobMatcher>,
        /// Error classes.
        classes: HashSet<String>,
    },
}

impl Selection {
    fn matches(&self, row: &ItemRow) -> bool {
        match self {
            Self::All => true,
            Self::Some { ids, names, classes } => {
                ids.contains(row.id.as_str())
                    || names.iter().any(|pattern| pattern.is_match(&row.recording.name))
                    || row.error_class.as_ref().is_some_and(|class| classes.contains(class))
            }
        }
    }
}

/// Requeues the failed items that are selected. Tells how many.
///
/// # Errors
/// If Redis does not answer.
pub async fn requeue(leases: &Leases, shards: u32, selection: &Selection) -> Result<u64, Failure> {
    let mut requeued = 0;
    for shard in (0..shards).map(ShardId) {
        let dead = listing::all(leases, shard, Some(ItemState::Dead)).await?;
        let ids: Vec<_> = dead.into_iter().filter(|row| selection.matches(row)).map(|row| row.id).collect();
        requeued += leases.requeue(shard, &ids).await?;
    }
    Ok(requeued)
}
