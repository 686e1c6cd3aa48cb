//! What is simulated: recordings, and nodes that work on them.

use std::num::NonZeroU32;

/// A recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Job {
    /// Length of its audio in seconds.
    pub seconds: f64,
    /// The length that it is taken to have, in seconds, when it is planned.
    pub predicted: f64,
}

/// The nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Farm {
    /// Seconds of audio that each node gets through in a second; one or more, above 0.
    pub speeds: Vec<f64>,
    /// Seconds from the start of a pod until it takes its first recording: image, model, engine.
    pub cold_start: f64,
    /// Seconds that a recording takes beside its audio.
    pub per_recording: f64,
    /// How nodes die, if they do.
    pub faults: Option<Faults>,
}

/// How nodes die: at random moments, each by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// Seconds that a node lives, on average.
    pub mean_life: f64,
    /// Seconds from a node's death until a pod starts in its place.
    pub back_after: f64,
    /// Seconds after which what a dead node held is handed out anew, where leases tell.
    pub lease: f64,
    /// Of the moments.
    pub seed: u64,
}

impl Farm {
    /// Nodes of one speed without faults.
    #[must_use]
    pub fn even(nodes: NonZeroU32, speed: f64) -> Self {
        Self { speeds: vec![speed; nodes.get() as usize], cold_start: 0.0, per_recording: 0.0, faults: None }
    }

    /// How long a node works on a recording, in seconds.
    #[must_use]
    pub fn seconds_for(&self, job: &Job, node: usize) -> f64 {
        job.seconds / self.speeds[node] + self.per_recording
    }

    /// No schedule that leaves recordings whole ends before this many seconds: one cold start, then the mean load, or
    /// the longest recording on the fastest node.
    #[must_use]
    pub fn lower_bound(&self, jobs: &[Job]) -> f64 {
        let fastest = self.speeds.iter().copied().fold(0.0, f64::max);
        let longest = jobs.iter().map(|job| job.seconds / fastest + self.per_recording).fold(0.0, f64::max);
        self.cold_start + self.mean_load(jobs).max(longest)
    }

    /// No schedule at all ends before this many seconds: one cold start, then the mean load.
    #[must_use]
    pub fn load_bound(&self, jobs: &[Job]) -> f64 {
        self.cold_start + self.mean_load(jobs)
    }

    /// The load of every node, in seconds, if it could be spread to the last instant. Nodes of different speeds lose different
    /// amounts of audio to what a recording takes beside it: in `t` seconds with `n` recordings, node i gets through
    /// `speed_i × (t − n_i × per_recording)`, least when the slowest take them all.
    fn mean_load(&self, jobs: &[Job]) -> f64 {
        let audio: f64 = jobs.iter().map(|job| job.seconds).sum();
        let slowest = self.speeds.iter().copied().fold(f64::INFINITY, f64::min);
        (audio + jobs.len() as f64 * self.per_recording * slowest) / self.speeds.iter().sum::<f64>()
    }
}
