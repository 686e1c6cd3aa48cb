//! The private Redis of a local batch: on a socket in the state folder, with every change on disk.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use steno_shared::leases::RedisConfig;
use tokio::process::{Child, Command};

use super::StateFolder;
use crate::failure::Failure;

/// How long Redis may take to answer after its start, reading its data included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile.
const START_POLL: Duration = Duration::from_millis(20);

/// The running server. It ends when [`RedisServer::stop`] is called, and when this process dies.
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    folder: StateFolder,
}

impl RedisServer {
    /// Starts the server and waits until it answers. The state folder must be locked by this process: a server that
    /// still answers on its socket was left by a killed run, and is stopped first.
    ///
    /// # Errors
    /// If it does not start, with the end of its log.
    pub async fn start(program: &Path, folder: &StateFolder) -> Result<Self, Failure> {
        let socket = folder.redis_socket();
        if let Some(parent) = socket.parent() {
            make_private(parent)?;
        }
        stop_leftover(folder).await?;
        let own = std::env::current_exe().map_err(|error| {
            Failure::internal(format!("failed to find the steno executable itself: {error}"))
        })?;
        let child = Command::new(own)
            .arg("exec-redis-server")
            .arg(std::process::id().to_string())
            .arg(program)
            .args(["--port", "0", "--unixsocketperm", "700", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(folder.redis_folder())
            .arg("--logfile")
            .arg(log_path(folder))
            .args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""])
            .args(["--maxmemory-policy", "noeviction", "--daemonize", "no"])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::unusable(format!("failed to start {}: {error}", program.display())))?;
        let mut server = Self { child, folder: folder.clone() };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// How to reach it.
    pub(super) fn config(&self) -> RedisConfig {
        self.folder.private_redis()
    }

    async fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Failure::unusable(format!(
                    "redis-server ended at its start ({status}){}",
                    self.log_end()
                )));
            }
            if ping(&self.folder).await {
                return Ok(());
            }
            if started.elapsed() > START_TIMEOUT {
                return Err(Failure::unusable(format!(
                    "redis-server did not answer within {} s{}",
                    START_TIMEOUT.as_secs(),
                    self.log_end()
                )));
            }
            tokio::time::sleep(START_POLL).await;
        }
    }

    /// Waits until the server ends by itself, which it should not.
    pub async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("redis-server ended ({status}){}", self.log_end()),
            Err(error) => format!("redis-server cannot be watched: {error}"),
        }
    }

    /// Stops the server; its data are on disk then.
    pub async fn stop(mut self) {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let pid = nix::unistd::Pid::from_raw(pid);
            if let Err(error) = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM) {
                tracing::debug!(%error, "redis.not_told_to_stop");
            }
        }
        if let Err(error) = self.child.wait().await {
            tracing::warn!(%error, "redis.not_waited_for");
        }
    }

    fn log_end(&self) -> String {
        let path = log_path(&self.folder);
        let text = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let last: Vec<&str> = text.lines().rev().take(3).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        format!("; the end of {}:\n{}", path.display(), last.join("\n"))
    }
}

/// Makes the folder of the socket, which may lie in the system's temporary one: it must be ours and closed to others.
fn make_private(folder: &Path) -> Result<(), Failure> {
    let failed = |cause: &dyn std::fmt::Display| {
        Failure::unusable(format!(
            "failed to make the folder {} for Redis's socket: {cause}",
            folder.display()
        ))
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(&error))?;
    let metadata = folder.symlink_metadata().map_err(|error| failed(&error))?;
    let is_ours = metadata.is_dir() && metadata.uid() == nix::unistd::getuid().as_raw();
    if !is_ours || metadata.mode() & 0o022 != 0 {
        return Err(failed(
            &"it is another user's, or others may write to it; name another state folder with --state",
        ));
    }
    Ok(())
}

fn log_path(folder: &StateFolder) -> std::path::PathBuf {
    folder.path().join("redis.log")
}

/// Whether a server answers on the folder's socket.
async fn ping(folder: &StateFolder) -> bool {
    let Ok(client) = redis::Client::open(folder.private_redis().url) else { return false };
    let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return false };
    redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
}

async fn stop_leftover(folder: &StateFolder) -> Result<(), Failure> {
    let started = Instant::now();
    while ping(folder).await {
        if started.elapsed() > START_TIMEOUT {
            return Err(Failure::in_use(format!(
                "a redis-server that does not stop answers on {}; stop it by hand",
                folder.redis_socket().display()
            )));
        }
        if let Ok(client) = redis::Client::open(folder.private_redis().url)
            && let Ok(mut connection) = client.get_multiplexed_async_connection().await
        {
            // It answers by closing the connection, which reads as an error.
            let _ = redis::cmd("SHUTDOWN").query_async::<()>(&mut connection).await;
        }
        tokio::time::sleep(START_POLL).await;
    }
    match std::fs::remove_file(folder.redis_socket()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::unusable(format!(
            "failed to remove the stale socket {}: {error}",
            folder.redis_socket().display()
        ))),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Becomes redis-server, after asking the kernel to end it when `parent` dies: a killed `steno` leaves no server.
pub fn exec_redis_server(
    parent: u32,
    program: &Path,
    arguments: &[std::ffi::OsString],
) -> std::process::ExitCode {
    use std::os::unix::process::CommandExt as _;
    let told = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM);
    let orphan = u32::try_from(nix::unistd::getppid().as_raw()) != Ok(parent);
    if told.is_err() || orphan {
        return steno_shared::exit::Exit::Lost.into();
    }
    let error = std::process::Command::new(program).args(arguments).exec();
    tracing::error!(program = %program.display(), %error, "redis.not_started");
    steno_shared::exit::Exit::Unusable.into()
}
