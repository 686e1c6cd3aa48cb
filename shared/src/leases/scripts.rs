//! The scripts, as they are sent to Redis.

use std::sync::LazyLock;

use redis::Script;

/// Version of the keys, records and scripts. A shard written by another version is refused, never misread.
pub const SCHEMA_VERSION: u32 = 2;

/// A script of a shard. What it does `at once` comes before `record.lua`: it is nearly all that happens, and needs none of that.
macro_rules! shard_script {
    ($name:ident, $file:literal) => {
        shard_script!($name, at once: "", $file);
    };
    ($name:ident, at once $at_once:literal, $file:literal) => {
        shard_script!($name, at once: include_str!($at_once), $file);
    };
    ($name:ident, at once: $at_once:expr, $file:literal) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            let parts = [include_str!("lua/shard.lua"), $at_once, include_str!("lua/record.lua"), include_str!($file)];
            Script::new(&parts.join("\n"))
        });
    };
}

macro_rules! plain_script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));
    };
}

plain_script!(CREATE_BATCH, "lua/create_batch.lua");
plain_script!(INIT_SHARD, "lua/init_shard.lua");
plain_script!(REPORT_WORKER, "lua/report_worker.lua");
plain_script!(WORKERS, "lua/workers.lua");
plain_script!(IDLE, "lua/idle.lua");
plain_script!(COUNT_IDLE, "lua/count_idle.lua");
plain_script!(TAKE_RUN, "lua/take_run.lua");
shard_script!(ENQUEUE, "lua/enqueue.lua");
shard_script!(CLAIM, at once "lua/claim_at_once.lua", "lua/claim.lua");
shard_script!(RENEW, "lua/renew.lua");
shard_script!(COMPLETE, at once "lua/complete_at_once.lua", "lua/complete.lua");
shard_script!(FAIL, "lua/fail.lua");
shard_script!(RELEASE, "lua/release.lua");
shard_script!(REQUEUE, "lua/requeue.lua");
shard_script!(FORGET, "lua/forget.lua");
shard_script!(CANCEL, "lua/cancel.lua");
shard_script!(COUNTS, "lua/counts.lua");
shard_script!(ITEMS, "lua/items.lua");
