//! One connection that comes back: redis-rs neither reconnects after a response timeout nor keeps TCP alive by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Cmd, ErrorKind, Script, ServerErrorKind, Value};
use tokio::sync::Mutex;

use super::config::RedisConfig;
use super::error::LeaseError;
use super::link::{Dialer, Link};

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

/// What is sent in one go.
pub(super) enum Request<'a> {
    /// One command.
    Command(Cmd),
    /// One command that each server answers for itself; the answers are an array.
    EachServer(Cmd),
    /// Several commands, of one key each; the answers are an array.
    Commands(Vec<Cmd>),
    /// A script, known to Redis or not.
    Script { script: &'a Script, keys: &'a [String], args: &'a [Vec<u8>] },
    /// The same script for several sets of keys; the answers are an array.
    ScriptForEach { script: &'a Script, keys: &'a [Vec<String>], args: &'a [Vec<u8>] },
}

impl Connection {
    /// Reads the address; connects at the first call.
    pub(super) fn new(config: &RedisConfig, retry_budget: Duration) -> Result<Self, LeaseError> {
        let dialer = Dialer::new(config).map_err(|reason| LeaseError::Config {
            doing: "connect to Redis".to_owned(),
            reason: format!("its URL or certificates cannot be used: {reason}"),
        })?;
        Ok(Self { dialer: Arc::new(dialer), open: Arc::default(), retry_budget })
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
            let error = match tokio::time::timeout(left, self.attempt(&request)).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.forget().await;
                    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
                }
            };
            let error = if self.is_cluster() {
                LeaseError::from_cluster(doing, start.elapsed(), error)
            } else {
                LeaseError::from_redis(doing, start.elapsed(), error)
            };
            let jittered = pause.mul_f64(0.5 + 0.5 * rand::random::<f64>());
            if !error.is_retryable() || start.elapsed() + jittered >= self.retry_budget {
                return Err(error);
            }
            tracing::debug!(event = "redis.retry", doing, %error, pause_ms = jittered.as_millis());
            tokio::time::sleep(jittered).await;
            pause = (pause * 2).min(RETRY_LONGEST);
        }
    }

    async fn attempt(&self, request: &Request<'_>) -> Result<Value, redis::RedisError> {
        let (mut link, generation) = self.get().await?;
        let result = link.send(request).await;
        if let Err(error) = &result
            && matches!(
                error.kind(),
                ErrorKind::Io
                    | ErrorKind::Parse
                    | ErrorKind::Client
                    | ErrorKind::ClusterConnectionNotFound
                    | ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
            )
        {
            // Whatever is wrong with it (also a primary that became a replica), a new connection asks anew.
            self.close(generation).await;
        }
        result
    }

    async fn get(&self) -> Result<(Link, u64), redis::RedisError> {
        let mut open = self.open.lock().await;
        if let Some(link) = &open.link {
            return Ok((link.clone(), open.generation));
        }
        let link = self.dialer.dial().await?;
        open.generation += 1;
        open.link = Some(link.clone());
        Ok((link, open.generation))
    }

    /// Drops the connection, unless somebody has replaced it already.
    async fn close(&self, generation: u64) {
        let mut open = self.open.lock().await;
        if open.generation == generation {
            open.link = None;
        }
    }

    async fn forget(&self) {
        self.open.lock().await.link = None;
    }
}
