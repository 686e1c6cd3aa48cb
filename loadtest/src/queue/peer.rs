//! Other queues on Redis, each a program of its own that speaks one language: see `loadtest/peers/README.md`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use steno_coordinator::failure::Failure;

use super::figures::Figures;
use super::redis_server::RedisServer;
use super::steno::Load;

/// Another queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// What it is called.
    pub name: String,
    program: PathBuf,
}

/// What a peer's `work` prints.
#[derive(Debug, Deserialize)]
pub(super) struct Worked {
    done: u64,
    seconds: f64,
    gap_p50_ms: Option<f64>,
    gap_p99_ms: Option<f64>,
}

impl Peer {
    /// The peers of a folder: each a folder in it with a program `run`.
    ///
    /// # Errors
    /// If the folder cannot be read or has none.
    pub fn all_in(folder: &Path) -> Result<Vec<Self>, Failure> {
        let entries = std::fs::read_dir(folder).map_err(|error| {
            Failure::usage(format!("failed to read the folder of peers {}: {error}", folder.display()))
        })?;
        let mut peers: Vec<Self> = entries
            .flatten()
            .filter(|entry| entry.path().join("run").is_file())
            .map(|entry| Self {
                name: entry.file_name().to_string_lossy().into_owned(),
                program: entry.path().join("run"),
            })
            .collect();
        peers.sort_by(|a, b| a.name.cmp(&b.name));
        if peers.is_empty() {
            return Err(Failure::usage(format!(
                "{} has no peers: a folder each, with a program `run`",
                folder.display()
            )));
        }
        Ok(peers)
    }

    /// Measures it on a server that is new.
    ///
    /// # Errors
    /// If its program cannot be started, fails, or prints something else.
    pub fn measure(&self, server: &RedisServer, load: Load) -> Result<Figures, Failure> {
        let before = server.used()?;
        // It tells itself how long it put items in: its own start is no part of that.
        let enqueued = self.enqueue(server, load.items)?;
        let filled = server.used_when_settled()?;
        let (workers, seconds) = (load.workers.to_string(), load.measure.as_secs().max(1).to_string());
        let worked = self.ask(server, &["work", &workers, &seconds])?;
        let used = server.used()?;
        Ok(Figures {
            queue: self.name.clone(),
            items: load.items,
            workers: load.workers,
            enqueued_per_second: enqueued.done as f64 / enqueued.seconds.max(1e-9),
            done: worked.done,
            done_per_second: worked.done as f64 / worked.seconds.max(1e-9),
            bytes_per_item: Figures::bytes_per_item(before, filled, load.items),
            cpu_us_per_item: Figures::cpu_us_per_item(filled, used, worked.done),
            gap_p50_ms: worked.gap_p50_ms,
            gap_p99_ms: worked.gap_p99_ms,
            ..Figures::default()
        })
    }

    /// Puts items in.
    pub(super) fn enqueue(&self, server: &RedisServer, items: u64) -> Result<Worked, Failure> {
        self.ask(server, &["enqueue", &items.to_string()])
    }

    /// Its program with these arguments behind the address of Redis.
    pub(super) fn command(&self, server: &RedisServer, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(server.url()).args(arguments).stdin(Stdio::null());
        command
    }

    fn ask(&self, server: &RedisServer, arguments: &[&str]) -> Result<Worked, Failure> {
        let output = self.command(server, arguments).stderr(Stdio::inherit()).output().map_err(|error| {
            Failure::unusable(format!("failed to start {}: {error}", self.program.display()))
        })?;
        let failed = |why: &dyn std::fmt::Display| {
            Failure::lost(format!("{} {} failed: {why}", self.program.display(), arguments.join(" ")))
        };
        if !output.status.success() {
            return Err(failed(&output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(text.lines().last().unwrap_or_default()).map_err(|error| failed(&error))
    }
}
