//! A redis-server of the measurement's own, the same for all that is measured.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::Connection;
use steno_coordinator::failure::Failure;
use steno_shared::leases::ServerLoad;

/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(10);
/// How long it may take to rewrite its append-only file.
const REWRITE_MAX: Duration = Duration::from_secs(600);
/// As documented for a Redis of a batch: what is lost with its machine is at most the last second.
const SETTINGS: [&str; 8] =
    ["--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];

/// The server. It is killed when dropped, and its data goes with it.
#[derive(Debug)]
pub struct RedisServer {
    process: Child,
    port: u16,
    _data: tempfile::TempDir,
}

impl RedisServer {
    /// Starts one.
    ///
    /// # Errors
    /// If there is no redis-server, or it does not start.
    pub fn start() -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::unusable(format!(
                "failed to start redis-server: {error}; install redis-server 6.2 or later"
            ))
        };
        let data = tempfile::Builder::new().prefix("steno-loadtest-redis-").tempdir();
        let data = data.map_err(|error| failed(&error))?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.map_err(|error| failed(&error))?.port();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--dir"])
            .arg(data.path())
            .args(SETTINGS)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut server = Self { process, port, _data: data };
        let began = Instant::now();
        while server.connection().is_err() {
            if let Ok(Some(status)) = server.process.try_wait() {
                return Err(failed(&status));
            }
            if began.elapsed() > START_MAX {
                return Err(failed(&"it does not answer"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What it has used.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn used(&self) -> Result<ServerLoad, Failure> {
        Ok(ServerLoad::of_info(&self.info()?))
    }

    /// What it has used, as soon as it does not rewrite its append-only file any more: what the items' being put in has brought
    /// about is no cost of their being taken out.
    ///
    /// # Errors
    /// If it does not answer, or never comes to an end.
    pub fn used_when_settled(&self) -> Result<ServerLoad, Failure> {
        let began = Instant::now();
        loop {
            let info = self.info()?;
            let is_under_way =
                ["aof_rewrite_in_progress:1", "aof_rewrite_scheduled:1", "aof_pending_bio_fsync:1"]
                    .iter()
                    .any(|field| info.contains(field));
            if !is_under_way {
                return Ok(ServerLoad::of_info(&info));
            }
            if began.elapsed() > REWRITE_MAX {
                return Err(Failure::lost(format!("{} does not end to rewrite its file", self.url())));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn info(&self) -> Result<String, Failure> {
        self.connection()
            .and_then(|mut connection| redis::cmd("INFO").query(&mut connection))
            .map_err(|error| Failure::lost(format!("failed to look at {}: {error}", self.url())))
    }

    fn connection(&self) -> redis::RedisResult<Connection> {
        redis::Client::open(self.url())?.get_connection()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
