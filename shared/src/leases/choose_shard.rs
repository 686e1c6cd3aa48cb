//! Which shard to take from.

use std::cmp::Reverse;

use super::counts::ShardCounts;
use crate::ids::ShardId;

/// The shards that have something to claim, in the order to try them: the worker's own, then the one with the most
/// seconds of audio left to hand out. Items never move between shards; helpers do.
#[must_use]
pub fn shard_order(home: ShardId, counts: &[ShardCounts]) -> Vec<ShardId> {
    let mut claimable: Vec<&ShardCounts> = counts.iter().filter(|shard| shard.is_claimable()).collect();
    // Of expired and due items only the number is known: they count after the seconds that are certain.
    claimable.sort_by_key(|shard| {
        (shard.shard != home, Reverse(shard.ready_ms), Reverse(shard.expired + shard.due), shard.shard)
    });
    claimable.into_iter().map(|shard| shard.shard).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(shard: u32, ready: u64, ready_ms: u64) -> ShardCounts {
        ShardCounts { ready, ready_ms, enqueued: ready, ..ShardCounts::empty(ShardId(shard)) }
    }

    #[test]
    fn home_first_then_most_seconds_not_most_items() {
        let counts = [shard(0, 100, 5_000), shard(1, 1, 10), shard(2, 2, 90_000), shard(3, 0, 0)];
        assert_eq!(shard_order(ShardId(1), &counts), [ShardId(1), ShardId(2), ShardId(0)]);
        assert_eq!(shard_order(ShardId(3), &counts), [ShardId(2), ShardId(0), ShardId(1)]);
    }

    #[test]
    fn what_others_left_behind_counts_and_cancelled_shards_do_not() {
        let expired = ShardCounts { leased: 1, expired: 1, ..shard(0, 0, 0) };
        let cancelled = ShardCounts { cancelled: true, ..shard(1, 9, 9) };
        let held = ShardCounts { leased: 1, ..shard(2, 0, 0) };
        assert_eq!(shard_order(ShardId(1), &[expired, cancelled, held]), [ShardId(0)]);
    }
}
