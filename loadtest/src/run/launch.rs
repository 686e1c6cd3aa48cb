//! What is measured, and where.

use std::path::PathBuf;

use steno_coordinator::kubernetes::Where;

/// How Steno is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Recordings.
    pub input: String,
    /// Transcripts.
    pub output: String,
    /// On what.
    pub place: Place,
    /// Worker processes, or nodes of a cluster.
    pub workers: u32,
    /// Speeds of the simulated engine: of the first worker, the second, and so on, and from the first again; none for a real engine.
    pub speeds: Vec<f64>,
    /// What else it is told: engine, model, Redis, store.
    pub more: Vec<String>,
}

/// Where Steno runs.
#[derive(Debug, Clone)]
pub enum Place {
    /// On this machine, by `steno run`.
    Machine {
        /// State of the batch.
        state: PathBuf,
    },
    /// In a cluster, by `steno submit`.
    Cluster(Where),
}

impl Launch {
    /// Whether the batch is in a Redis of the user's, where it stays when the state folder goes.
    pub(super) fn outlives_state(&self) -> bool {
        self.more.iter().any(|option| option == "--redis" || option.starts_with("--redis="))
    }
}
