//! The handle to a batch's lease queues.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Script, Value};

use super::config::RedisConfig;
use super::connection::Connection;
use super::error::LeaseError;
use super::keys::shard_keys;
use super::latency::{Latencies, Operation};
use super::request::Request;
use super::scripts::SCHEMA_VERSION;
use super::server_info::{self, ServerLoad};
use crate::ids::{BatchId, ShardId};

/// How long a call is tried again while Redis is away, unless told otherwise.
pub const RETRY_BUDGET: Duration = Duration::from_secs(60);

const OLDEST_REDIS: (u32, u32) = (6, 2);

/// A batch's lease queues in Redis. Clones share one connection; it belongs to the runtime that uses it, so a
/// thread with its own runtime needs its own `connect`.
///
/// Every call is retried while Redis is away, up to the budget, and every call may be repeated by the caller.
#[derive(Debug, Clone)]
pub struct Leases {
    pub(super) batch: BatchId,
    connection: Connection,
    latencies: Arc<Latencies>,
}

impl Leases {
    /// Connects, waiting up to [`RETRY_BUDGET`] for Redis to appear, and checks that this Redis will do.
    ///
    /// # Errors
    /// [`LeaseError::Config`] for a server that is too old, may evict keys or is named as what it is not; else as any call.
    pub async fn connect(config: &RedisConfig, batch: &BatchId) -> Result<Self, LeaseError> {
        Self::connect_within(config, batch, RETRY_BUDGET).await
    }

    /// The same with another patience, for this and every later call.
    ///
    /// # Errors
    /// As [`Leases::connect`].
    pub async fn connect_within(
        config: &RedisConfig,
        batch: &BatchId,
        budget: Duration,
    ) -> Result<Self, LeaseError> {
        let leases = Self {
            batch: batch.clone(),
            connection: Connection::new(config, budget)?,
            latencies: Arc::default(),
        };
        leases.check_server().await?;
        Ok(leases)
    }

    /// This handle with another patience; the connection stays shared.
    #[must_use]
    pub fn with_retry_budget(mut self, budget: Duration) -> Self {
        self.connection = self.connection.with_retry_budget(budget);
        self
    }

    /// The batch that this handle is for.
    #[must_use]
    pub fn batch(&self) -> &BatchId {
        &self.batch
    }

    /// How long the calls of this handle and its clones took.
    #[must_use]
    pub fn latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// What Redis's clock shows, by which all deadlines are kept: the time since 1970.
    ///
    /// # Errors
    /// As any call.
    pub async fn clock(&self) -> Result<Duration, LeaseError> {
        let doing = "read Redis's clock";
        let answer = self.connection.request(doing, Request::Command(redis::cmd("TIME"))).await?;
        let (seconds, micros): (u64, u64) =
            redis::from_redis_value(answer).map_err(|error| LeaseError::corrupt(doing, error))?;
        Ok(Duration::from_secs(seconds) + Duration::from_micros(micros))
    }

    /// What the servers are loaded with, one after the other.
    ///
    /// # Errors
    /// As any call.
    pub async fn server_loads(&self) -> Result<Vec<ServerLoad>, LeaseError> {
        let infos = self.infos("look at Redis's load").await?;
        Ok(infos.iter().map(|info| ServerLoad::of_info(info)).collect())
    }

    async fn infos(&self, doing: &str) -> Result<Vec<String>, LeaseError> {
        let answer = self.connection.request(doing, Request::EachServer(redis::cmd("INFO"))).await?;
        redis::from_redis_value(answer).map_err(|error| LeaseError::corrupt(doing, error))
    }

    async fn check_server(&self) -> Result<(), LeaseError> {
        let doing = "connect to Redis";
        let infos = self.infos(doing).await?;
        let mode = if self.connection.is_cluster() { "cluster" } else { "standalone" };
        for info in infos {
            let warnings = check_info(&info, mode)
                .map_err(|reason| LeaseError::Config { doing: doing.to_owned(), reason })?;
            for warning in warnings {
                tracing::warn!(event = "redis.setting", "{warning}");
            }
        }
        Ok(())
    }

    /// Runs a script on a shard; the schema version goes first.
    pub(super) async fn on_shard(
        &self,
        doing: &str,
        script: &Script,
        shard: ShardId,
        args: Args,
    ) -> Result<Value, LeaseError> {
        self.script(doing, script, &shard_keys(&self.batch, shard), args).await
    }

    /// Runs a script on given keys.
    pub(super) async fn script(
        &self,
        doing: &str,
        script: &Script,
        keys: &[String],
        args: Args,
    ) -> Result<Value, LeaseError> {
        let began = Instant::now();
        let answer = self.connection.request(doing, Request::Script { script, keys, args: &args.0 }).await;
        if let (Ok(_), Some(operation)) = (&answer, Operation::of(script)) {
            self.latencies.note(operation, began.elapsed());
        }
        answer
    }

    /// Sends another request.
    pub(super) async fn request(&self, doing: &str, request: Request<'_>) -> Result<Value, LeaseError> {
        self.connection.request(doing, request).await
    }
}

/// Arguments of a script.
#[derive(Debug, Default)]
pub(super) struct Args(pub(super) Vec<Vec<u8>>);

impl Args {
    /// Arguments that begin with the schema version.
    pub(super) fn versioned() -> Self {
        Self::default().and(SCHEMA_VERSION)
    }

    pub(super) fn and(mut self, arg: impl ToString) -> Self {
        self.push(arg);
        self
    }

    pub(super) fn push(&mut self, arg: impl ToString) {
        self.0.push(arg.to_string().into_bytes());
    }
}

/// Text that may stand in a field of a record: one line, no separator, bounded.
pub(super) fn field(text: &str, longest_chars: usize) -> String {
    text.chars().map(|c| if c.is_control() || c == '|' { ' ' } else { c }).take(longest_chars).collect()
}

/// Judges a server, which should run in this mode, by its `INFO`: warnings, or why it cannot be used.
fn check_info(info: &str, mode: &str) -> Result<Vec<String>, String> {
    let value = |name: &str| server_info::field(info, name);
    let version = value("redis_version").unwrap_or("");
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST_REDIS {
        return Err(format!("the server is Redis {version}; 6.2 or later is needed"));
    }
    match value("redis_mode").filter(|&found| found != mode) {
        Some("cluster") => {
            return Err(
                "the server is a node of a Redis Cluster: name it as redis+cluster://host:port".to_owned()
            );
        }
        Some("sentinel") => {
            return Err("the server is a Sentinel: name it as redis+sentinel://host:port/SERVICE".to_owned());
        }
        Some(found) => {
            return Err(format!("the server runs as {found}, not as {mode}; name it as redis://host:port"));
        }
        None => {}
    }
    if let Some(policy) = value("maxmemory_policy").filter(|&policy| policy != "noeviction") {
        return Err(format!(
            "the server may throw leases away when memory is short (maxmemory-policy {policy}); \
             set `maxmemory-policy noeviction`"
        ));
    }
    let mut warnings = Vec::new();
    if value("aof_enabled") == Some("0") {
        warnings.push(
            "Redis keeps no append-only file: if it restarts, progress since its last snapshot is worked out anew from the \
             output; set `appendonly yes`"
                .to_owned(),
        );
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";

    #[test]
    fn a_server_that_will_do() {
        assert_eq!(check_info(GOOD, "standalone"), Ok(vec![]));
        assert_eq!(check_info(&GOOD.replace("6.2.14", "10.0.1"), "standalone"), Ok(vec![]));
        assert_eq!(
            check_info(&GOOD.replace("aof_enabled:1", "aof_enabled:0"), "standalone").unwrap().len(),
            1
        );
    }

    #[test]
    fn servers_that_will_not_do_are_refused_with_a_remedy() {
        for (from, to, says) in [
            ("6.2.14", "6.0.16", "6.2 or later"),
            ("standalone", "cluster", "redis+cluster://"),
            ("standalone", "sentinel", "redis+sentinel://"),
            ("noeviction", "allkeys-lru", "set `maxmemory-policy noeviction`"),
        ] {
            let reason = check_info(&GOOD.replace(from, to), "standalone").unwrap_err();
            assert!(reason.contains(says), "{reason}");
        }
    }

    #[test]
    fn fields_cannot_break_a_record() {
        assert_eq!(field("a|b\nc\u{7}d", 100), "a b c d");
        assert_eq!(field("ééé", 2), "éé");
    }
}
