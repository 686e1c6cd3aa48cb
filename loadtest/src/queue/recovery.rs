//! A worker that is killed with an item in hand: how long until another has it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;
use steno_coordinator::failure::Failure;
use steno_shared::leases::{Leases, RedisConfig};

use super::peer::Peer;
use super::redis_server::RedisServer;
use super::steno::{batch, enqueue_one};

/// How long a worker may take to start and to take the one item that there is.
const START_MAX: Duration = Duration::from_secs(120);

/// How a queue is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Settings {
    /// As it comes.
    Default,
    /// To a lease as long as Steno's, as far as it can be set.
    Tuned,
}

/// A queue with a program that holds an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contender {
    /// Steno's leases, held by this program's `hold`.
    Steno,
    /// Another queue.
    Peer(Peer),
}

/// What came of one killed worker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recovery {
    /// Whose queue.
    pub queue: String,
    /// How it was set.
    pub settings: Settings,
    /// Seconds of the lease that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<u64>,
    /// Seconds from the death until another worker had the item; absent if none had it within the wait.
    pub recovered_after_seconds: Option<f64>,
    /// Seconds that were waited at most.
    pub wait_seconds: u64,
}

impl Contender {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Steno => "steno",
            Self::Peer(peer) => &peer.name,
        }
    }

    fn hold(&self, server: &RedisServer, settings: Settings, lease_seconds: u64) -> Result<Holder, Failure> {
        let lease = lease_seconds.to_string();
        let command = match self {
            Self::Steno => {
                let program = std::env::current_exe()
                    .map_err(|error| Failure::unusable(format!("failed to find this program: {error}")))?;
                let mut command = Command::new(program);
                command.args(["hold", &server.url(), &lease]);
                command
            }
            Self::Peer(peer) => {
                let settings = if settings == Settings::Default { "default" } else { &lease };
                peer.command(server, &["hold", settings])
            }
        };
        Holder::start(command, self.name())
    }

    fn enqueue(&self, server: &RedisServer) -> Result<(), Failure> {
        match self {
            Self::Steno => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.map_err(Failure::internal)?.block_on(async {
                    let leases = Leases::connect(&RedisConfig::new(server.url()), &batch()?).await?;
                    Ok(enqueue_one(&leases).await?)
                })
            }
            Self::Peer(peer) => peer.enqueue(server, 1).map(drop),
        }
    }
}

/// Kills a worker that holds the only item, while another one waits, which had the time `settle` to start, and tells how long that takes to
/// have the item.
///
/// # Errors
/// If a program does not start, fails, or does not take the item at first.
pub fn recover(
    contender: &Contender,
    settings: Settings,
    lease_seconds: u64,
    settle: Duration,
    wait: Duration,
) -> Result<Recovery, Failure> {
    let server = RedisServer::start()?;
    contender.enqueue(&server)?;
    let first = contender.hold(&server, settings, lease_seconds)?;
    if !first.holds_within(START_MAX)? {
        return Err(Failure::lost(format!("{} took no item within {START_MAX:?}", contender.name())));
    }
    let second = contender.hold(&server, settings, lease_seconds)?;
    // At any moment between two signs of life.
    let lease = Duration::from_secs(lease_seconds);
    if second.holds_within(settle + lease.mul_f64(rand::random::<f64>()))? {
        return Err(Failure::lost(format!("{} gave the item to two workers", contender.name())));
    }
    drop(first);
    let killed = Instant::now();
    let recovered = second.holds_within(wait)?;
    let took = killed.elapsed().as_secs_f64();
    Ok(Recovery {
        queue: contender.name().to_owned(),
        settings,
        lease_seconds: (settings == Settings::Tuned).then_some(lease_seconds),
        recovered_after_seconds: recovered.then_some(took),
        wait_seconds: wait.as_secs(),
    })
}

/// A worker, which is killed with all that it has started when this is dropped.
struct Holder {
    name: String,
    process: Child,
    lines: Receiver<String>,
}

impl Holder {
    fn start(mut command: Command, name: &str) -> Result<Self, Failure> {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| Failure::unusable(format!("failed to start a worker of {name}: {error}")))?;
        let (sender, lines) = channel();
        if let Some(stdout) = process.stdout.take() {
            // Ends with the process, whose standard output it reads.
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { name: name.to_owned(), process, lines })
    }

    /// Whether it says within this time that it has an item.
    fn holds_within(&self, time: Duration) -> Result<bool, Failure> {
        let until = Instant::now() + time;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.trim() == "held" => return Ok(true),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(false),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::lost(format!("the worker of {} has ended", self.name)));
                }
            }
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Found before any is killed: an orphan has no parent to be found by.
        for process in with_descendants(self.process.id()) {
            if let Ok(process) = i32::try_from(process) {
                let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
            }
        }
        let _ = self.process.wait();
    }
}

/// A process and all that it and its children have started, in whatever groups and sessions they are.
fn with_descendants(process: u32) -> Vec<u32> {
    let mut all = vec![process];
    let mut next = 0;
    while let Some(&parent) = all.get(next) {
        next += 1;
        let Ok(threads) = std::fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for thread in threads.flatten() {
            let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    all
}
