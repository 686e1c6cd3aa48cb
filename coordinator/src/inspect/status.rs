//! `steno status`: how far a batch is.

use std::fmt::Write as _;

use serde::Serialize;

use super::Access;
use crate::failure::Failure;
use crate::progress::{Snapshot, Totals};
use crate::quantities::name;

/// A batch's state, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Where the recordings are.
    pub input: String,
    /// Where the transcripts go.
    pub output: String,
    /// The model's name.
    pub model: String,
    /// Where the batch's state is.
    pub state: String,
    /// Whether a run works on it now.
    pub running: bool,
    /// Recordings by state and their audio.
    #[serde(flatten)]
    pub totals: Totals,
    /// What each worker does.
    pub workers: Vec<WorkerStatus>,
}

/// What one worker does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkerStatus {
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// The recording it works on.
    pub recording: Option<String>,
    /// How far it is in that, in seconds.
    pub position_seconds: f64,
    /// That recording's length in seconds.
    pub length_seconds: f64,
}

/// Reads the state of a batch.
///
/// # Errors
/// If its Redis does not answer.
pub async fn status(access: &Access) -> Result<Status, Failure> {
    let snapshot = Snapshot::read(&access.leases, access.meta.shards).await?;
    let workers = if access.is_running() { snapshot.workers } else { Vec::new() };
    Ok(Status {
        input: access.meta.input.clone(),
        output: access.meta.output.clone(),
        model: access.meta.model.name.clone(),
        state: access.folder.path().display().to_string(),
        running: access.is_running(),
        totals: snapshot.totals,
        workers: workers
            .into_iter()
            .map(|worker| WorkerStatus {
                name: worker.worker.name().to_owned(),
                phase: format!("{:?}", worker.phase).to_lowercase(),
                recording: worker.recording,
                position_seconds: worker.position_seconds,
                length_seconds: worker.length_seconds,
            })
            .collect(),
    })
}

impl Status {
    /// The state as a person reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let totals = &self.totals;
        let mut out = String::new();
        let is = match (self.running, totals.open()) {
            (true, _) => "running",
            (false, 0) => "finished",
            (false, _) => "stopped; run the same `steno run` again to go on",
        };
        let _ = writeln!(out, "{} to {}, model {}: {is}", self.input, self.output, self.model);
        let in_hand =
            if self.running { "being worked on" } else { "in hand when it was killed; they go back" };
        let rows = [
            (totals.done, "done"),
            (totals.leased, in_hand),
            (totals.ready, "waiting"),
            (totals.delayed, "waiting to be tried again"),
            (totals.dead, "failed (see `steno items --failed`)"),
        ];
        totals.write(&mut out, &rows);
        for worker in &self.workers {
            let recording = worker.recording.as_deref().map(|text| name(text, 60)).unwrap_or_default();
            let _ = writeln!(out, "  {:<9}  {} {recording}", worker.name, worker.phase);
        }
        out.truncate(out.trim_end().len());
        out
    }
}
