//! A scenario's world: an input, an output and a state folder of its own, and Steno run on them.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use serde_json::Value;
use steno_shared::batch::BatchMeta;

use crate::audio;
use crate::steno::{Running, Steno};
use crate::transcripts;

/// A temporary folder with all that a run needs, removed with the value.
#[derive(Debug)]
pub struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// An empty input, and neither output nor state.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("steno-run-").tempdir()?;
        let world = Self { folder };
        std::fs::create_dir(world.input())?;
        Ok(world)
    }

    /// An input with `n` recordings of speech: `speech-00.flac` and so on.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn with_speech(n: usize) -> anyhow::Result<Self> {
        let world = Self::new()?;
        for index in 0..n {
            audio::copy_speech(&world.input().join(format!("speech-{index:02}.flac")))?;
        }
        Ok(world)
    }

    /// The world's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the recordings are.
    #[must_use]
    pub fn input(&self) -> PathBuf {
        self.path().join("in")
    }

    /// Where the transcripts go.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.path().join("out")
    }

    /// The run's state.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// `steno` in the world's folder.
    ///
    /// # Errors
    /// When a program is missing.
    pub fn steno(&self) -> anyhow::Result<Steno> {
        Steno::new(self.path())
    }

    /// `steno run` from the input to the output, with two workers of one thread, the summary as JSON.
    ///
    /// # Errors
    /// When a program or the model is missing.
    pub fn run(&self) -> anyhow::Result<Steno> {
        self.run_between(&self.input().to_string_lossy(), &self.output().to_string_lossy())
    }

    /// The same with one worker.
    ///
    /// # Errors
    /// When a program or the model is missing.
    pub fn run_one_worker(&self) -> anyhow::Result<Steno> {
        self.run_workers("1", &self.input().to_string_lossy(), &self.output().to_string_lossy())
    }

    /// The same between other places.
    ///
    /// # Errors
    /// When a program or the model is missing.
    pub fn run_between(&self, input: &str, output: &str) -> anyhow::Result<Steno> {
        self.run_workers("2", input, output)
    }

    fn run_workers(&self, workers: &str, input: &str, output: &str) -> anyhow::Result<Steno> {
        let model = audio::fetched("models/tiny.en")?;
        let steno = self.steno()?.args(["run", input, "--out", output, "--json"]);
        let steno = steno.args(["--workers", workers, "--threads", "1", "--model"]).arg(&model);
        Ok(steno.args(["--state"]).arg(self.state()))
    }

    /// `steno run` with the simulated engine, which gets through `speed` seconds of audio in a second.
    ///
    /// # Errors
    /// When a program is missing.
    pub fn rehearse(&self, workers: &str, speed: &str) -> anyhow::Result<Steno> {
        self.rehearse_between(
            &self.input().to_string_lossy(),
            &self.output().to_string_lossy(),
            workers,
            speed,
        )
    }

    /// The same with another input and output.
    ///
    /// # Errors
    /// As above.
    pub fn rehearse_between(
        &self,
        input: &str,
        output: &str,
        workers: &str,
        speed: &str,
    ) -> anyhow::Result<Steno> {
        let steno = self.steno()?.args(["run", input, "--out", output]);
        let steno = steno.args(["--json", "--engine", "simulated", "--simulated-speed", speed]);
        Ok(steno.args(["--workers", workers, "--state"]).arg(self.state()))
    }

    /// How often its workers have logged these words; never, before there are logs.
    #[must_use]
    pub fn logged(&self, words: &str) -> usize {
        let logs = transcripts::files(&self.state().join("logs")).unwrap_or_default();
        logs.values().map(|(log, _)| String::from_utf8_lossy(log).matches(words).count()).sum()
    }

    /// The batch, as its state folder notes it.
    ///
    /// # Errors
    /// When there is none.
    pub fn batch(&self) -> anyhow::Result<BatchMeta> {
        Ok(serde_json::from_slice(&std::fs::read(self.state().join("batch.json"))?)?)
    }

    /// Starts `run` with batches of two windows and waits until `n` transcripts are there.
    ///
    /// # Errors
    /// When the run ends before.
    pub fn run_until_done(&self, n: usize) -> anyhow::Result<Running> {
        let mut running = self.run()?.args(["--batch-size", "2"]).start()?;
        let output = self.output();
        running.until(&format!("{n} transcripts are there"), |_| Ok(transcripts::count(&output)? >= n))?;
        Ok(running)
    }

    /// `steno status --json`.
    ///
    /// # Errors
    /// When it fails.
    pub fn status(&self) -> anyhow::Result<Value> {
        self.steno()?.args(["status", "--json", "--state"]).arg(self.state()).run()?.expect(0)?.json()
    }

    /// `steno items --json` with more arguments.
    ///
    /// # Errors
    /// When it fails.
    pub fn items(&self, more: &[&str]) -> anyhow::Result<Vec<Value>> {
        let items = self.steno()?.args(["items", "--json", "--state"]).arg(self.state()).args(more);
        items.run()?.expect(0)?.json_lines()
    }
}

/// Checks counts of a summary or status: `[("done", 3), …]`.
///
/// # Errors
/// When one differs.
pub fn expect_counts(report: &Value, counts: &[(&str, u64)]) -> anyhow::Result<()> {
    for (name, count) in counts {
        ensure!(report[name].as_u64() == Some(*count), "{name} is not {count} in {report:#}");
    }
    Ok(())
}
