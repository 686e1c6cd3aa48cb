//! What must hold of a shard's raw keys at every moment, read without the code under test.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use redis::{Connection, cmd};
use serde_json::Value;
use steno_shared::ids::{BatchId, ShardId};

/// A shard as it is in Redis: its records, and the members of each set with their scores.
#[derive(Debug, Clone, PartialEq)]
pub struct RawShard {
    /// Record of each item.
    pub items: BTreeMap<String, String>,
    /// State letter → id → score.
    pub sets: BTreeMap<char, BTreeMap<String, f64>>,
    /// Sums of milliseconds.
    pub totals: BTreeMap<String, i64>,
}

/// A shard's key.
#[must_use]
pub fn key(batch: &BatchId, shard: ShardId, part: &str) -> String {
    format!("steno:{{{batch}:{shard}}}:{part}")
}

/// Reads a shard's raw keys.
///
/// # Errors
/// When Redis does not answer.
pub fn read_raw(connection: &mut Connection, batch: &BatchId, shard: ShardId) -> Result<RawShard> {
    let mut sets = BTreeMap::new();
    for (letter, part) in [('r', "ready"), ('l', "leased"), ('w', "delayed"), ('x', "dead")] {
        let members: Vec<(String, f64)> =
            cmd("ZRANGE").arg(key(batch, shard, part)).arg(0).arg(-1).arg("WITHSCORES").query(connection)?;
        sets.insert(letter, members.into_iter().collect());
    }
    Ok(RawShard {
        items: cmd("HGETALL").arg(key(batch, shard, "items")).query(connection)?,
        sets,
        totals: cmd("HGETALL").arg(key(batch, shard, "totals")).query(connection)?,
    })
}

/// Checks that each item is in exactly one state, that the counts sum to the number enqueued and the sums of
/// milliseconds are exact, and that a leased item has a deadline and a delayed one a due time.
///
/// # Errors
/// Says which item or sum is wrong.
pub fn check_invariants(connection: &mut Connection, batch: &BatchId, shard: ShardId) -> Result<()> {
    let raw = read_raw(connection, batch, shard)?;
    let mut ids: BTreeMap<char, BTreeSet<String>> = BTreeMap::new();
    let mut ms: BTreeMap<char, i64> = BTreeMap::new();
    let mut further_parts = 0;
    for (id, record) in &raw.items {
        let mut fields = record.lines().next().unwrap_or_default().split('|');
        let state = fields.next().and_then(|state| state.chars().next()).context("a record without state")?;
        ensure!("rlwxd".contains(state), "item {id} is in no state: {record:?}");
        let length: i64 = fields.next().context("a record without length")?.parse()?;
        let payload: Value = serde_json::from_str(record.lines().nth(1).unwrap_or_default())?;
        further_parts += i64::from(payload[4][0].as_u64().is_some_and(|index| index > 0));
        ids.entry(state).or_default().insert(id.clone());
        *ms.entry(state).or_default() += length;
        if state == 'r' {
            ensure!(raw.sets[&'r'].get(id) == Some(&(length as f64)), "item {id} waits in the wrong place");
        }
        if state == 'l' || state == 'w' {
            ensure!(
                raw.sets[&state].get(id).is_some_and(|&at| at > 0.0),
                "item {id} has no time: {record:?}"
            );
        }
    }
    for (state, members) in &raw.sets {
        let members: BTreeSet<String> = members.keys().cloned().collect();
        let recorded = ids.remove(state).unwrap_or_default();
        ensure!(members == recorded, "set {state} and the records differ: {members:?} against {recorded:?}");
    }
    let done = ids.remove(&'d').unwrap_or_default().len();
    let total = |name: &str| raw.totals.get(name).copied().unwrap_or(0);
    let all: i64 = ms.values().sum();
    ensure!(all == total("all_ms"), "all items sum to {all} ms, the total says {}", total("all_ms"));
    for (state, name) in [('r', "ready"), ('w', "delayed"), ('x', "dead"), ('d', "done")] {
        let (sum, total) = (ms.get(&state).copied().unwrap_or(0), total(&format!("{name}_ms")));
        ensure!(sum == total, "{name} items sum to {sum} ms, the total says {total}");
    }
    ensure!(
        further_parts == total("further_parts"),
        "{further_parts} further parts, the total says {}",
        total("further_parts")
    );
    let in_sets: usize = raw.sets.values().map(BTreeMap::len).sum();
    ensure!(in_sets + done == raw.items.len(), "{in_sets} + {done} items, {} enqueued", raw.items.len());
    Ok(())
}
