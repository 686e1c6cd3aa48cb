//! The commands of `steno` that are measured.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use serde::Deserialize;
use steno_coordinator::failure::Failure;
use steno_coordinator::kubernetes::Where;
use steno_shared::exit::Exit;
use steno_shared::ids::BatchId;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::launch::Launch;

/// A `steno run` that is under way.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
}

/// What a run says of itself in the end: those of its fields that are looked at.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Said {
    /// Recordings of the batch.
    pub(super) recordings: u64,
    /// Transcribed.
    pub(super) done: u64,
    /// Transcribed before.
    pub(super) skipped: u64,
    /// Transcribed before with other settings.
    pub(super) kept: u64,
    /// Given up.
    pub(super) failed: u64,
    /// Neither done nor given up.
    pub(super) left: u64,
    /// Seconds from begin to end.
    pub(super) wall_seconds: f64,
    /// Audio that was transcribed, in seconds.
    pub(super) audio_seconds: f64,
}

impl Child {
    /// Starts it.
    ///
    /// # Errors
    /// If `steno` is not beside this program.
    pub(super) fn start(launch: &Launch, state: &Path) -> Result<Self, Failure> {
        let steno = beside("steno")?;
        let mut command = Command::new(&steno);
        command.args(["run", &launch.input, "--out", &launch.output, "--json", "--state"]).arg(state);
        command.args(["--workers", &launch.workers.to_string()]).args(&launch.more);
        // What its workers log is what is measured.
        command
            .env_remove("STENO_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let process = command
            .spawn()
            .map_err(|error| Failure::unusable(format!("failed to start {}: {error}", steno.display())))?;
        Ok(Self { process })
    }

    /// Waits for its end.
    pub(super) async fn end(&mut self) {
        // What it ended with is asked later.
        let _ = self.process.wait().await;
    }

    /// Tells it to stop, and waits until it has.
    pub(super) async fn stop(&mut self) {
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
        }
        self.end().await;
    }

    /// Waits for its end, and gives back what it said.
    ///
    /// # Errors
    /// If it ended without a summary: it has told why on standard error.
    pub(super) async fn said(mut self) -> Result<Said, Failure> {
        let mut text = String::new();
        if let Some(mut stdout) = self.process.stdout.take() {
            let read = stdout.read_to_string(&mut text).await;
            read.map_err(|error| Failure::internal(format!("failed to read what steno prints: {error}")))?;
        }
        let status = self.process.wait().await;
        let status =
            status.map_err(|error| Failure::internal(format!("failed to wait for steno: {error}")))?;
        serde_json::from_str(text.trim()).map_err(|_| ended_early(status))
    }
}

/// Submits a batch to a cluster.
///
/// # Errors
/// If `steno submit` cannot be started or fails.
pub(super) async fn submit(launch: &Launch, place: &Where) -> Result<BatchId, Failure> {
    /// Of what `steno submit --json` prints.
    #[derive(Deserialize)]
    struct Submitted {
        batch: BatchId,
    }
    let mut command = Command::new(beside("steno")?);
    command.args(["submit", &launch.input, "--out", &launch.output, "--json", "--kube"]);
    command.args(["--nodes", &launch.workers.to_string()]);
    for (option, value) in [("--namespace", &place.namespace), ("--context", &place.context)] {
        command.args(value.iter().flat_map(|value| [option, value]));
    }
    command.args(&launch.more);
    let said = output_of(command).await?;
    serde_json::from_slice(&said).map(|Submitted { batch }| batch).map_err(Failure::internal)
}

/// The lengths of the recordings that a batch has done, in seconds, as they were planned.
///
/// # Errors
/// If `steno items` cannot be started or fails.
pub(super) async fn done_seconds(state: &Path) -> Result<Vec<f64>, Failure> {
    /// Of what `steno items --json` prints, a line for each.
    #[derive(Deserialize)]
    struct Item {
        seconds: f64,
    }
    let steno = beside("steno")?;
    let mut command = Command::new(&steno);
    command.args(["items", "--json", "--in", "done", "--state"]).arg(state);
    let listed = output_of(command).await?;
    let read = |line: &str| serde_json::from_str(line).map(|Item { seconds }| seconds);
    String::from_utf8_lossy(&listed).lines().map(read).collect::<Result<_, _>>().map_err(Failure::internal)
}

/// Removes a batch from a Redis that outlives it.
///
/// # Errors
/// If `steno delete` cannot be started or fails.
pub(super) async fn delete(state: &Path) -> Result<(), Failure> {
    let mut command = Command::new(beside("steno")?);
    command.args(["delete", "--state"]).arg(state);
    output_of(command).await.map(drop)
}

/// What a command prints.
async fn output_of(mut command: Command) -> Result<Vec<u8>, Failure> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().await;
    let output = output.map_err(|error| Failure::unusable(format!("failed to start steno: {error}")))?;
    if output.status.success() { Ok(output.stdout) } else { Err(ended_early(output.status)) }
}

/// With the child's own exit code, where it is one of Steno's.
fn ended_early(status: ExitStatus) -> Failure {
    let exit =
        status.code().and_then(Exit::from_code).filter(|exit| *exit != Exit::Success).unwrap_or(Exit::Lost);
    Failure { exit, message: format!("steno ended early ({status}); what it said is above") }
}

fn beside(program: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::internal(format!("failed to find this executable: {error}")))?;
    let path = own.parent().unwrap_or(Path::new(".")).join(program);
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::unusable(format!(
        "{program} is not beside steno-loadtest ({}); the two belong together: install both, or run `cargo build`",
        path.display()
    )))
}
