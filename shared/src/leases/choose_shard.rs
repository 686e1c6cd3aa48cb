//! Which shard to take from.

use std::cmp::Reverse;

use super::counts::ShardCounts;
use crate::ids::ShardId;

/// The shards that have something to claim, in the order to try them: the worker's own, then the one with the most
/// seconds of audio left to hand out. Items never move between shards; helpers do.
///
/// Where some workers are slow, the long items of their shards wait for others: `longest_first` asks for the shard with the longest one.
#[must_use]
pub fn shard_order(home: ShardId, counts: &[ShardCounts], longest_first: bool) -> Vec<ShardId> {
    let mut claimable: Vec<&ShardCounts> = counts.iter().filter(|shard| shard.is_claimable()).collect();
    let longest = |shard: &ShardCounts| Reverse(if longest_first { shard.longest_ms } else { 0 });
    // Of expired and due items only the number is known: they count after the seconds that are certain.
    claimable.sort_by_key(|shard| {
        let most = (Reverse(shard.ready_ms), Reverse(shard.expired + shard.due));
        (longest(shard), shard.shard != home, most, shard.shard)
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
        assert_eq!(shard_order(ShardId(1), &counts, false), [ShardId(1), ShardId(2), ShardId(0)]);
        assert_eq!(shard_order(ShardId(3), &counts, false), [ShardId(2), ShardId(0), ShardId(1)]);
    }

    #[test]
    fn the_longest_item_of_all_comes_first_where_somebody_is_slow() {
        let longest = |index, ms, longest_ms| ShardCounts { longest_ms, ..shard(index, 2, ms) };
        let counts = [longest(0, 9_000, 5_000), longest(1, 10_000, 6_000), longest(2, 7_000, 6_000)];
        assert_eq!(shard_order(ShardId(0), &counts, true), [ShardId(1), ShardId(2), ShardId(0)]);
        assert_eq!(shard_order(ShardId(2), &counts, true), [ShardId(2), ShardId(1), ShardId(0)]);
    }

    #[test]
    fn what_others_left_behind_counts_and_cancelled_shards_do_not() {
        let expired = ShardCounts { leased: 1, expired: 1, ..shard(0, 0, 0) };
        let cancelled = ShardCounts { cancelled: true, ..shard(1, 9, 9) };
        let held = ShardCounts { leased: 1, ..shard(2, 0, 0) };
        assert_eq!(shard_order(ShardId(1), &[expired, cancelled, held], false), [ShardId(0)]);
    }
}
