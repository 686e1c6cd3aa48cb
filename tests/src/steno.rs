//! Steno's own process: the real binary, its arguments and environment, and how it ended.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::processes::{self, Process};
use crate::{audio, condition};

/// A command line of `steno`, to be run in a folder.
#[derive(Debug)]
pub struct Steno {
    command: Command,
    folder: PathBuf,
}

/// A `steno` that was started. It is killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// How a `steno` ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code; `None` when a signal killed it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said meanwhile.
    pub stderr: String,
}

impl Steno {
    /// `steno` with the programs of `.local` on its path, none of this machine's S3 settings, and `folder` to work
    /// and note its output in.
    ///
    /// # Errors
    /// When a program is missing.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        Self::program("steno", folder)
    }

    /// The same for `steno-loadtest`, which starts `steno`.
    ///
    /// # Errors
    /// When a program is missing.
    pub fn loadtest(folder: &Path) -> anyhow::Result<Self> {
        Self::program("steno-loadtest", folder)
    }

    fn program(name: &str, folder: &Path) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let program = own.parent().and_then(Path::parent).unwrap_or(Path::new(".")).join(name);
        for program in [&program, &program.with_file_name("steno"), &program.with_file_name("steno-worker")] {
            ensure!(program.exists(), "{} is missing: run cargo build --workspace", program.display());
        }
        let mut path = vec![audio::fetched("bin")?];
        for needed in ["bin/redis-server", "bin/ffmpeg"] {
            audio::fetched(needed)?;
        }
        // Where no voices are fetched, an installed espeak-ng speaks.
        if audio::fetched("espeak-ng").is_ok() {
            path.push(audio::repository().join("tests/espeak"));
        }
        path.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
        let mut command = Command::new(program);
        command.env("PATH", std::env::join_paths(path)?).current_dir(folder).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") || name == "STENO_LOG" {
                command.env_remove(name);
            }
        }
        // Neither profiles nor a cloud's own credentials: what a scenario gives is all there is.
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", "/dev/null");
        command.env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        Ok(Self { command, folder: folder.to_owned() })
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets variables.
    #[must_use]
    pub fn envs<'a>(mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.command.envs(variables);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut self) -> anyhow::Result<Running> {
        let note = tempfile::Builder::new().prefix("steno-said-").tempdir_in(&self.folder)?.keep();
        let (stdout, stderr) = (note.join("stdout"), note.join("stderr"));
        let child = self
            .command
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn()
            .context("failed to start steno")?;
        Ok(Running { child, stdout, stderr })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started, or does not end.
    pub fn run(self) -> anyhow::Result<Ended> {
        self.start()?.ended()
    }
}

impl Running {
    /// Its process id.
    ///
    /// # Errors
    /// Never on the systems that these tests run on.
    pub fn pid(&self) -> anyhow::Result<i32> {
        Ok(i32::try_from(self.child.id())?)
    }

    /// Whether it has not ended yet.
    ///
    /// # Errors
    /// Never on the systems that these tests run on.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Its children of this program: `steno-worker`, `redis-server`.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn children(&self, program: &str) -> anyhow::Result<Vec<Process>> {
        Ok(processes::children(self.pid()?)?.into_iter().filter(|process| process.is(program)).collect())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "steno ended too early:\n{}", self.said());
        processes::send(self.pid()?, signal)
    }

    /// What it has said so far.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Waits until it is so, or fails when the run has ended before.
    ///
    /// # Errors
    /// When it is not so by the deadline, or the run ends before.
    pub fn until(
        &mut self,
        what: &str,
        mut ask: impl FnMut(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        condition::until_so(what, || {
            if ask(self)? {
                return Ok(true);
            }
            ensure!(self.child.try_wait()?.is_none(), "steno ended too early:\n{}", self.said());
            Ok(false)
        })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end.
    pub fn ended(mut self) -> anyhow::Result<Ended> {
        let status: ExitStatus = condition::until("steno ends", || Ok(self.child.try_wait()?))
            .with_context(|| format!("steno said:\n{}", self.said()))?;
        Ok(Ended {
            code: status.code(),
            stdout: std::fs::read_to_string(&self.stdout)?,
            stderr: std::fs::read_to_string(&self.stderr)?,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only after a failed scenario is it still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks the exit code, and shows what was said when it is another one.
    ///
    /// # Errors
    /// When it is another one.
    pub fn expect(self, code: i32) -> anyhow::Result<Self> {
        let Self { code: got, stdout, stderr } = &self;
        ensure!(*got == Some(code), "exit code {got:?} instead of {code}:\n{stdout}\n{stderr}");
        Ok(self)
    }

    /// Checks that each of the words was said.
    ///
    /// # Errors
    /// When one was not.
    pub fn says(self, words: &[&str]) -> anyhow::Result<Self> {
        for word in words {
            ensure!(self.stderr.contains(word), "{word:?} was not said, but:\n{}", self.stderr);
        }
        Ok(self)
    }

    /// The JSON object that was printed.
    ///
    /// # Errors
    /// When there is none.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("steno printed no JSON object: {:?}\n{}", self.stdout, self.stderr))
    }

    /// The JSON objects that were printed, one a line.
    ///
    /// # Errors
    /// When a line is none.
    pub fn json_lines(&self) -> anyhow::Result<Vec<Value>> {
        let parse = |line| serde_json::from_str(line).with_context(|| format!("{line:?} is no JSON"));
        self.stdout.lines().map(parse).collect()
    }
}
