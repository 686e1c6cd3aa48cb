//! The worker processes of a local run.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use steno_shared::exit::{Exit, LAST_WORDS_PREFIX};
use steno_shared::leases::{PASSWORD_VARIABLE, SENTINEL_PASSWORD_VARIABLE};
use tokio::process::{ChildStdin, Command};
use tokio::task::JoinSet;

use super::policy::{SlotHistory, WorkerEnd};
use crate::failure::Failure;
use crate::state::StateFolder;
use crate::worker_environment::KEEP_MEMORY;

/// How much of a worker's log is read to tell why it ended, in bytes.
const LOG_TAIL_BYTES: u64 = 16 << 10;

/// The workers' places, each with the process that fills it now.
#[derive(Debug)]
pub struct Workers {
    program: PathBuf,
    folder: StateFolder,
    /// Each worker gets a GPU of its own when there are any.
    gpus: u32,
    /// Whether they are given the password of the user's Redis.
    with_password: bool,
    running: HashMap<u32, Running>,
    histories: HashMap<u32, SlotHistory>,
    stopped: bool,
    /// Ends of processes and of waits before a restart.
    events: JoinSet<Event>,
}

#[derive(Debug)]
struct Running {
    pid: Pid,
    /// Where its part of the log begins, in bytes.
    log_start: u64,
    /// The worker stops when this end closes, which it does when this process dies.
    _stdin: ChildStdin,
}

#[derive(Debug)]
enum Event {
    Ended(u32, std::io::Result<ExitStatus>),
    Due(u32),
}

/// A worker process that ended.
#[derive(Debug)]
pub struct Ended {
    /// Its place.
    pub slot: u32,
    /// How.
    pub end: WorkerEnd,
    /// Why, in its own words, if it had any.
    pub last_words: Option<String>,
}

impl Workers {
    /// No workers yet.
    #[must_use]
    pub fn new(program: PathBuf, folder: StateFolder, gpus: u32, with_password: bool) -> Self {
        Self {
            program,
            folder,
            gpus,
            with_password,
            running: HashMap::new(),
            histories: HashMap::new(),
            stopped: false,
            events: JoinSet::new(),
        }
    }

    /// The name of the worker at a place.
    #[must_use]
    pub fn name(slot: u32) -> String {
        format!("worker-{slot}")
    }

    /// Where the worker at a place writes its log.
    #[must_use]
    pub fn log_path(&self, slot: u32) -> PathBuf {
        self.folder.worker_log(&Self::name(slot))
    }

    /// Starts the worker of one place.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn start(&mut self, slot: u32) -> Result<(), Failure> {
        let log_path = self.log_path(slot);
        let log =
            OpenOptions::new().create(true).append(true).mode(0o600).open(&log_path).map_err(|error| {
                Failure::unusable(format!("failed to open the worker's log {}: {error}", log_path.display()))
            })?;
        let log_start = log.metadata().map_or(0, |metadata| metadata.len());
        let mut command = Command::new(&self.program);
        command
            .arg("run")
            .arg("--config")
            .arg(self.folder.worker_config())
            .args(["--name", &Self::name(slot), "--shard", &slot.to_string(), "--watch-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            // The terminal's Ctrl-C is for this process; workers are told by it.
            .process_group(0);
        for (name, value) in KEEP_MEMORY {
            // What the user has set stays.
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        if !self.with_password {
            // A private Redis wants none.
            command.env_remove(PASSWORD_VARIABLE);
            command.env_remove(SENTINEL_PASSWORD_VARIABLE);
        }
        if self.gpus > 0 {
            command.env("CUDA_VISIBLE_DEVICES", (slot % self.gpus).to_string());
        }
        let failed = |error: &dyn std::fmt::Display| {
            Failure::unusable(format!("failed to start {}: {error}", self.program.display()))
        };
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let stdin = child.stdin.take().ok_or_else(|| failed(&"it has no standard input"))?;
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .ok_or_else(|| failed(&"it has no process id"))?;
        self.running.insert(slot, Running { pid: Pid::from_raw(pid), log_start, _stdin: stdin });
        self.events.spawn(async move { Event::Ended(slot, child.wait().await) });
        tracing::debug!(slot, pid, "worker.started");
        Ok(())
    }

    /// Starts the worker of one place after a wait; see [`Workers::next`].
    pub fn start_later(&mut self, slot: u32, wait: Duration) {
        self.events.spawn(async move {
            tokio::time::sleep(wait).await;
            Event::Due(slot)
        });
    }

    /// Waits for the next worker to end; starts those whose wait is over meanwhile. Never ends while there are no
    /// workers, so that it can be one of several things waited for.
    ///
    /// # Errors
    /// If a process cannot be started or waited for.
    pub async fn next(&mut self) -> Result<Ended, Failure> {
        loop {
            match self.events.join_next().await {
                None => std::future::pending().await,
                Some(Err(error)) => {
                    return Err(Failure::internal(format!("watching a worker ended early: {error}")));
                }
                Some(Ok(Event::Due(_))) if self.stopped => {}
                Some(Ok(Event::Due(slot))) => self.start(slot)?,
                Some(Ok(Event::Ended(slot, status))) => {
                    let log_start = self.running.remove(&slot).map_or(0, |running| running.log_start);
                    let status = status.map_err(|error| {
                        Failure::internal(format!("failed to wait for worker {slot}: {error}"))
                    })?;
                    return Ok(Ended {
                        slot,
                        end: worker_end(status),
                        last_words: self.last_words(slot, log_start),
                    });
                }
            }
        }
    }

    /// What has become of a place so far, to decide about its worker.
    pub fn history(&mut self, slot: u32) -> &mut SlotHistory {
        self.histories.entry(slot).or_default()
    }

    /// Starts no worker any more, not even those whose wait is not over, and tells the running ones to stop.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.signal_all(Signal::SIGTERM);
    }

    /// How many processes run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether no process runs and none is going to be started.
    #[must_use]
    pub fn none_left(&self) -> bool {
        self.running.is_empty() && (self.stopped || self.events.is_empty())
    }

    /// Sends a signal to all workers.
    pub fn signal_all(&self, signal: Signal) {
        for running in self.running.values() {
            if let Err(error) = kill(running.pid, signal) {
                tracing::debug!(pid = running.pid.as_raw(), %error, "worker.not_signalled");
            }
        }
    }

    /// The worker's last words in what it has added to its log.
    fn last_words(&self, slot: u32, log_start: u64) -> Option<String> {
        let mut log = std::fs::File::open(self.log_path(slot)).ok()?;
        let length = log.metadata().ok()?.len();
        log.seek(SeekFrom::Start(log_start.max(length.saturating_sub(LOG_TAIL_BYTES)))).ok()?;
        let mut tail = Vec::new();
        log.read_to_end(&mut tail).ok()?;
        let tail = String::from_utf8_lossy(&tail);
        tail.lines().rev().find_map(|line| line.strip_prefix(LAST_WORDS_PREFIX)).map(str::to_owned)
    }
}

fn worker_end(status: ExitStatus) -> WorkerEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::from_code(code).map_or(WorkerEnd::Code(code), WorkerEnd::Exit),
        (None, Some(signal)) => WorkerEnd::Signal(signal),
        (None, None) => WorkerEnd::Code(-1),
    }
}
