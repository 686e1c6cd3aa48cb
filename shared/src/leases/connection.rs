//! One connection that comes back: redis-rs neither reconnects after a response timeout nor keeps TCP alive by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::{ErrorKind, RedisError, Value};
use tokio::sync::Mutex;

use super::config::RedisConfig;
use super::error::{LeaseError, is_replica};
use super::link::{Dialer, Link};
use super::request::Request;

const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// A connection to Redis, opened when needed and opened anew after an error. It belongs to the runtime that uses it.
///
/// Commands of many tasks share one connection (they are pipelined), so no pool is needed: a pool would add a
/// round trip to each call to see whether its connection lives.
#[derive(Clone)]
pub(super) struct Connection {
    dialer: Arc<Dialer>,
    open: Arc<Mutex<Opened>>,
    retry_budget: Duration,
    awaits_user: bool,
}

#[derive(Default)]
struct Opened {
    link: Option<Link>,
    generation: u64,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the dialer: it holds the password.
        f.debug_struct("Connection").field("retry_budget", &self.retry_budget).finish_non_exhaustive()
    }
}

impl Connection {
    /// Reads the address; connects at the first call.
    pub(super) fn new(config: &RedisConfig, retry_budget: Duration) -> Result<Self, LeaseError> {
        let dialer = Dialer::new(config).map_err(|reason| LeaseError::Config {
            doing: "connect to Redis".to_owned(),
            reason: format!("its URL or certificates cannot be used: {reason}"),
        })?;
        Ok(Self {
            dialer: Arc::new(dialer),
            open: Arc::default(),
            retry_budget,
            awaits_user: config.awaits_user,
        })
    }

    /// Whether keys lie on different servers.
    pub(super) fn is_cluster(&self) -> bool {
        self.dialer.is_cluster()
    }

    /// The same connection with another patience.
    pub(super) fn with_retry_budget(mut self, retry_budget: Duration) -> Self {
        self.retry_budget = retry_budget;
        self
    }

    /// Sends a request until it is answered or the budget is spent. Everything sent here may be repeated.
    pub(super) async fn request(&self, doing: &str, request: Request<'_>) -> Result<Value, LeaseError> {
        let start = Instant::now();
        let mut pause = RETRY_FIRST;
        loop {
            let left = self.retry_budget.saturating_sub(start.elapsed()).max(RETRY_FIRST);
            let used = AtomicU64::new(0);
            let error = match tokio::time::timeout(left, self.attempt(&request, &used)).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => {
                    // Of a cluster, the library replaces what does not answer, and the other nodes' connections are fine.
                    if !self.is_cluster() {
                        self.close(used.into_inner());
                    }
                    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
                }
            };
            let error = if self.is_cluster() {
                LeaseError::from_cluster(doing, start.elapsed(), error)
            } else {
                LeaseError::from_redis(doing, start.elapsed(), error)
            };
            let error = if self.awaits_user { error.awaiting_the_user(start.elapsed()) } else { error };
            let jittered = pause.mul_f64(0.5 + 0.5 * rand::random::<f64>());
            if !error.is_retryable() || start.elapsed() + jittered >= self.retry_budget {
                return Err(error);
            }
            tracing::debug!(event = "redis.retry", doing, %error, pause_ms = jittered.as_millis());
            tokio::time::sleep(jittered).await;
            pause = (pause * 2).min(RETRY_LONGEST);
        }
    }

    /// Tells by `used` which connection it used, even when it is given up.
    async fn attempt(&self, request: &Request<'_>, used: &AtomicU64) -> Result<Value, RedisError> {
        let (mut link, generation) = self.get().await?;
        used.store(generation, Ordering::Relaxed);
        let result = link.send(request).await;
        if result.as_ref().is_err_and(|error| self.needs_another(error)) {
            self.close(generation);
        }
        result
    }

    /// Whether a new connection may do better: whatever is wrong with this one, also a primary that became a replica.
    fn needs_another(&self, error: &RedisError) -> bool {
        let is_broken = matches!(
            error.kind(),
            ErrorKind::Parse | ErrorKind::Client | ErrorKind::ClusterConnectionNotFound
        );
        // Of a cluster, the library replaces the one node's connection that failed.
        is_broken || (error.kind() == ErrorKind::Io && !self.is_cluster()) || is_replica(error)
    }

    async fn get(&self) -> Result<(Link, u64), RedisError> {
        let mut open = self.open.lock().await;
        if let Some(link) = &open.link {
            return Ok((link.clone(), open.generation));
        }
        let link = self.dialer.dial().await?;
        open.generation += 1;
        open.link = Some(link.clone());
        Ok((link, open.generation))
    }

    /// Drops the connection of this generation, unless somebody has replaced it already, or is about to.
    fn close(&self, generation: u64) {
        if let Ok(mut open) = self.open.try_lock()
            && open.generation == generation
        {
            open.link = None;
        }
    }
}
