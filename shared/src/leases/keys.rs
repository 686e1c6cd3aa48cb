//! Names of the keys. What stands in braces decides the slot: all keys of one script share it.

use crate::ids::{BatchId, ShardId};

/// The seven keys that every script of a shard is given, in the order that `shard.lua` reads them.
pub(super) fn shard_keys(batch: &BatchId, shard: ShardId) -> Vec<String> {
    ["meta", "items", "ready", "leased", "delayed", "dead", "totals"]
        .into_iter()
        .map(|part| format!("steno:{{{batch}:{shard}}}:{part}"))
        .collect()
}

/// Settings of the batch.
pub(super) fn batch_meta_key(batch: &BatchId) -> String {
    format!("steno:{{{batch}}}:meta")
}

/// Reports of the workers, when each expires, and how fast they are.
pub(super) fn worker_keys(batch: &BatchId) -> Vec<String> {
    ["workers", "workers-expire", "workers-pace"].map(|part| format!("steno:{{{batch}}}:{part}")).to_vec()
}

/// Idle workers by when they expire.
pub(super) fn idle_key(batch: &BatchId) -> String {
    format!("steno:{{{batch}}}:idle")
}

/// The run whose the batch is.
pub(super) fn run_key(batch: &BatchId) -> String {
    format!("steno:{{{batch}}}:run")
}
