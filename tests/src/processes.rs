//! Processes as `/proc` shows them: a run's own, and whatever still has to do with a folder.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its arguments, the program first.
    pub arguments: Vec<String>,
}

impl Process {
    /// Whether its program has this name.
    #[must_use]
    pub fn is(&self, program: &str) -> bool {
        let title = self.arguments.first().map(String::as_str).unwrap_or_default();
        // Redis writes its state behind its name.
        let path = title.split(' ').next().unwrap_or_default();
        path.rsplit('/').next() == Some(program)
    }
}

/// Sends a signal.
///
/// # Errors
/// When there is no such process.
pub fn send(pid: i32, signal: Signal) -> anyhow::Result<()> {
    kill(Pid::from_raw(pid), signal).with_context(|| format!("failed to send {signal} to process {pid}"))
}

/// How long a server has to end that was asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(3);

/// Waits, for a few seconds at most, until a child that was asked to end has ended.
///
/// # Errors
/// When it cannot be waited for.
pub fn give_time_to_end(child: &mut Child) -> std::io::Result<()> {
    let asked = Instant::now();
    while child.try_wait()?.is_none() && asked.elapsed() < ENDS_WITHIN {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The children of a process.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn children(parent: i32) -> anyhow::Result<Vec<Process>> {
    Ok(all()?.into_iter().filter(|process| parent_of(process.pid) == Some(parent)).collect())
}

/// Processes, other than this one, that name `folder` in their arguments, work in it or have a file in it open.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn around(folder: &Path) -> anyhow::Result<Vec<Process>> {
    let text = folder.display().to_string();
    let own = i32::try_from(std::process::id())?;
    Ok(all()?
        .into_iter()
        .filter(|process| process.pid != own)
        .filter(|process| {
            process.arguments.iter().any(|argument| argument.contains(&text))
                || links(process.pid).iter().any(|path| path.starts_with(folder))
        })
        .collect())
}

/// A process may end while it is looked at: what cannot be read any more is not there.
fn all() -> anyhow::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc").context("failed to list /proc: these tests need Linux")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(bytes) = std::fs::read(format!("/proc/{pid}/cmdline")) else { continue };
        let arguments: Vec<String> = bytes
            .split(|byte| *byte == 0)
            .filter(|argument| !argument.is_empty())
            .map(|argument| String::from_utf8_lossy(argument).into_owned())
            .collect();
        // Kernel threads, and processes that have ended and wait to be collected, have no arguments.
        if !arguments.is_empty() {
            processes.push(Process { pid, arguments });
        }
    }
    Ok(processes)
}

fn parent_of(pid: i32) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn links(pid: i32) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files
        .map(|entry| entry.path())
        .chain([format!("/proc/{pid}/cwd").into()])
        .filter_map(|link| std::fs::read_link(link).ok())
        .collect()
}
