//! A redis-server of a test's own: on a socket in a temporary folder, killed when dropped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use redis::Connection;
use steno_shared::leases::RedisConfig;
use tempfile::TempDir;

use crate::processes;

/// Makes a folder look to redis-server like a full disk: its append-only file is one that never takes a byte. Under both
/// names, that of Redis 6 and that of Redis 7.
///
/// # Errors
/// When it cannot be written.
pub fn full_disk_for_redis(data: &Path) -> Result<()> {
    use std::os::unix::fs::symlink;
    let newer = data.join("appendonlydir");
    std::fs::create_dir_all(&newer)?;
    symlink("/dev/full", data.join("appendonly.aof"))?;
    symlink("/dev/full", newer.join("appendonly.aof.1.incr.aof"))?;
    std::fs::write(newer.join("appendonly.aof.manifest"), "file appendonly.aof.1.incr.aof seq 1 type i\n")?;
    Ok(())
}

/// How a test's Redis is set up.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// Keep an append-only file, synced at every write, so that a killed server comes back with all it answered.
    pub aof: bool,
    /// Its environment, beside this process's.
    pub env: Vec<(&'static str, String)>,
    /// The folder for its data, instead of one of its own.
    pub data: Option<PathBuf>,
    /// Further arguments, such as `["--maxmemory", "4mb"]`.
    pub args: Vec<String>,
}

/// A running (or killed) redis-server with its data folder.
#[derive(Debug)]
pub struct RedisServer {
    folder: TempDir,
    options: RedisOptions,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When there is no redis-server, or it does not start.
    pub fn start(options: RedisOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("steno-redis-").tempdir()?;
        std::fs::create_dir(folder.path().join("data"))?;
        let mut server = Self { folder, options, child: None };
        server.restart()?;
        Ok(server)
    }

    /// The address for [`RedisConfig`].
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// How Steno reaches this server.
    #[must_use]
    pub fn config(&self) -> RedisConfig {
        RedisConfig::new(self.url())
    }

    /// The data folder: the append-only file is in it.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.options.data.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// A connection of the test's own, to look at and meddle with raw keys.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn connection(&self) -> Result<Connection> {
        Ok(redis::Client::open(self.url())?.get_connection_with_timeout(Duration::from_secs(5))?)
    }

    /// Kills the server with SIGKILL; its data folder stays.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Asks the server to end, with SIGTERM, as whoever stops a service does: one that does not within a few seconds is killed.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn terminate(&mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        if let Some(child) = &mut self.child {
            processes::give_time_to_end(child)?;
        }
        self.kill()
    }

    /// Stops the server's execution without closing its connections, until [`Self::resume`]: a server that hangs.
    ///
    /// # Errors
    /// When it is not running.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets a paused server go on; it then serves what was sent to it meanwhile.
    ///
    /// # Errors
    /// When it is not running.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the server is not running")?;
        kill(Pid::from_raw(i32::try_from(child.id())?), signal)?;
        Ok(())
    }

    /// Kills the server if it runs, and starts it on the same data and socket.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let program = program()?;
        let log = std::fs::File::create(self.folder.path().join("redis.log"))?;
        let mut command = Command::new(&program);
        command.args(["--port", "0", "--save", "", "--daemonize", "no"]);
        command.arg("--unixsocket").arg(self.socket()).arg("--dir").arg(self.data());
        if self.options.aof {
            command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        }
        command.envs(self.options.env.iter().map(|(name, value)| (name, value)));
        command.args(&self.options.args).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("failed to start {}", program.display()))?);
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Ok(mut connection) = self.connection() {
                match redis::cmd("PING").query::<String>(&mut connection) {
                    Ok(_) => return Ok(()),
                    // It wants a password: it is up.
                    Err(error) if error.code() == Some("NOAUTH") => return Ok(()),
                    Err(_) => {}
                }
            }
            let ended = self.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || start.elapsed() > Duration::from_secs(30) {
                let log = std::fs::read_to_string(self.folder.path().join("redis.log")).unwrap_or_default();
                bail!("redis-server does not answer (ended: {ended:?}); its log:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// The server to test with: `STENO_TEST_REDIS_SERVER`, else the one that the set-up found or fetched.
pub(crate) fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("STENO_TEST_REDIS_SERVER") {
        return Ok(PathBuf::from(program));
    }
    let program = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/bin/redis-server"));
    ensure!(program.exists(), "there is no {}: run `make setup`", program.display());
    Ok(program.to_owned())
}
