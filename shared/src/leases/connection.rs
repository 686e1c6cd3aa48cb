//! One connection that comes back: redis-rs neither reconnects after a response timeout nor keeps TCP alive by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo, Pipeline, Script, ServerErrorKind,
    Value,
};
use tokio::sync::Mutex;

use super::config::RedisConfig;
use super::error::LeaseError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// A connection to Redis, opened when needed and opened anew after an error. It belongs to the runtime that uses it.
///
/// Commands of many tasks share one connection (they are pipelined), so no pool is needed: a pool would add a
/// round trip to each call to see whether its connection lives.
#[derive(Clone)]
pub(super) struct Connection {
    client: Client,
    open: Arc<Mutex<Opened>>,
    retry_budget: Duration,
}

#[derive(Default)]
struct Opened {
    connection: Option<MultiplexedConnection>,
    generation: u64,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the client: it holds the password.
        f.debug_struct("Connection").field("retry_budget", &self.retry_budget).finish_non_exhaustive()
    }
}

/// What is sent in one go.
pub(super) enum Request<'a> {
    /// One command.
    Command(Cmd),
    /// Several commands.
    Pipeline(Pipeline),
    /// A script, known to Redis or not.
    Script { script: &'a Script, keys: &'a [String], args: &'a [Vec<u8>] },
    /// The same script for several sets of keys.
    ScriptForEach { script: &'a Script, keys: &'a [Vec<String>], args: &'a [Vec<u8>] },
}

impl Connection {
    /// Reads the address; connects at the first call.
    pub(super) fn new(config: &RedisConfig, retry_budget: Duration) -> Result<Self, LeaseError> {
        let doing = "read the Redis URL";
        let unusable = |error| LeaseError::from_redis(doing, Duration::ZERO, error);
        let mut info = config.url.as_str().into_connection_info().map_err(unusable)?;
        if let Some(password) =
            config.password.as_deref().filter(|_| info.redis_settings().password().is_none())
        {
            let settings = info.redis_settings().clone().set_password(password);
            info = info.set_redis_settings(settings);
        }
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(15))
            .with_interval(Duration::from_secs(5))
            .with_retries(3);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        let client = Client::open(info.set_tcp_settings(tcp)).map_err(unusable)?;
        Ok(Self { client, open: Arc::default(), retry_budget })
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
            let error = LeaseError::from_redis(doing, start.elapsed(), error);
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
        let (mut connection, generation) = self.get().await?;
        let result = send(&mut connection, request).await;
        if let Err(error) = &result
            && matches!(
                error.kind(),
                ErrorKind::Io
                    | ErrorKind::Parse
                    | ErrorKind::Client
                    | ErrorKind::Server(ServerErrorKind::ReadOnly)
            )
        {
            // Whatever is wrong with it (also a primary that became a replica), a new connection asks anew.
            self.close(generation).await;
        }
        result
    }

    async fn get(&self) -> Result<(MultiplexedConnection, u64), redis::RedisError> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &open.connection {
            return Ok((connection.clone(), open.generation));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        open.generation += 1;
        open.connection = Some(connection.clone());
        Ok((connection, open.generation))
    }

    /// Drops the connection, unless somebody has replaced it already.
    async fn close(&self, generation: u64) {
        let mut open = self.open.lock().await;
        if open.generation == generation {
            open.connection = None;
        }
    }

    async fn forget(&self) {
        self.open.lock().await.connection = None;
    }
}

/// Sends, and once more after loading the script if Redis does not know it (first use, or a restart).
async fn send(
    connection: &mut MultiplexedConnection,
    request: &Request<'_>,
) -> Result<Value, redis::RedisError> {
    let (script, pipeline) = match request {
        Request::Command(command) => return command.query_async(connection).await,
        Request::Pipeline(pipeline) => return pipeline.query_async(connection).await,
        Request::Script { script, keys, args } => {
            let command = evalsha(script, keys, args);
            let result = command.query_async(connection).await;
            if !is_unknown_script(&result) {
                return result;
            }
            script.load_async(connection).await?;
            return command.query_async(connection).await;
        }
        Request::ScriptForEach { script, keys, args } => {
            let mut pipeline = redis::pipe();
            for keys in *keys {
                pipeline.add_command(evalsha(script, keys, args));
            }
            (script, pipeline)
        }
    };
    let result = pipeline.query_async(connection).await;
    if !is_unknown_script(&result) {
        return result;
    }
    script.load_async(connection).await?;
    pipeline.query_async(connection).await
}

fn is_unknown_script(result: &Result<Value, redis::RedisError>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript))
}

fn evalsha(script: &Script, keys: &[String], args: &[Vec<u8>]) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script.get_hash()).arg(keys.len()).arg(keys).arg(args);
    command
}
