//! One measured run.

use std::num::NonZeroU32;
use std::time::Instant;

use serde::Serialize;
use steno_coordinator::failure::Failure;

use super::child::{Child, Launch, done_seconds};
use super::course::watch;
use super::logs::{LatencyFigures, Told, read_logs};
use super::sample::Samples;
use crate::simulate::{Farm, Job, Policy, simulate};

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// Worker processes.
    pub workers: u32,
    /// Recordings of the batch.
    pub recordings: u64,
    /// Transcribed by this run.
    pub done: u64,
    /// Given up.
    pub failed: u64,
    /// Audio that was transcribed, in seconds.
    pub audio_seconds: f64,
    /// Seconds from the start of `steno run` to its end.
    pub wall_seconds: f64,
    /// Seconds from the first claim to the last transcript.
    pub makespan_seconds: f64,
    /// No schedule of whole recordings ends before: the engines' mean load, or the longest recording at the mean speed.
    pub lower_bound_seconds: f64,
    /// The one over the other.
    pub over_bound: f64,
    /// What `steno-loadtest simulate` says of the same recordings at the engines' speed, in seconds.
    pub predicted_seconds: f64,
    /// Of each worker: seconds that its engine computed over the makespan.
    pub busy: Vec<f64>,
    /// The workers' calls.
    pub latencies: Vec<LatencyFigures>,
    /// CPU seconds of Redis.
    pub redis_cpu_seconds: f64,
    /// The most memory that Redis's data took, in bytes.
    pub redis_memory_bytes: u64,
    /// All that was seen.
    #[serde(skip)]
    pub samples: Samples,
}

impl Round {
    /// The mean of all workers' busy shares.
    #[must_use]
    pub fn mean_busy(&self) -> f64 {
        self.busy.iter().sum::<f64>() / f64::from(self.workers.max(1))
    }
}

/// Runs, and measures.
///
/// # Errors
/// If `steno run` cannot be started or ends without a summary, or its batch or logs cannot be read.
pub async fn measure(launch: &Launch) -> Result<Round, Failure> {
    let began = Instant::now();
    let mut child = Child::start(launch)?;
    let samples = watch(&mut child, &launch.state, began).await;
    let said = child.said().await?;
    let Told { makespan, latencies } = read_logs(&launch.state.join("logs"))?;
    let makespan_seconds = makespan.as_secs_f64();
    let busy_seconds = samples.busy_seconds();
    let speed = said.audio_seconds / busy_seconds.iter().sum::<f64>();
    let predicted = predict(&done_seconds(&launch.state).await?, launch.workers, speed);
    let redis = samples.redis();
    Ok(Round {
        workers: launch.workers,
        recordings: said.recordings,
        done: said.done,
        failed: said.failed,
        audio_seconds: said.audio_seconds,
        wall_seconds: said.wall_seconds,
        makespan_seconds,
        lower_bound_seconds: predicted.lower_bound,
        over_bound: if predicted.lower_bound > 0.0 { makespan_seconds / predicted.lower_bound } else { 0.0 },
        predicted_seconds: predicted.makespan,
        busy: busy_seconds.iter().map(|busy| (busy / makespan_seconds.max(1e-9)).min(1.0)).collect(),
        latencies,
        redis_cpu_seconds: redis.cpu_seconds,
        redis_memory_bytes: redis.memory_bytes,
        samples,
    })
}

#[derive(Default)]
struct Predicted {
    makespan: f64,
    lower_bound: f64,
}

/// What a simulation makes of the same recordings on as many workers, all of them of the mean speed, in seconds of audio a second.
fn predict(seconds: &[f64], workers: u32, speed: f64) -> Predicted {
    let workers = NonZeroU32::new(workers).filter(|_| speed.is_finite() && speed > 0.0);
    let Some(workers) = workers else { return Predicted::default() };
    let jobs: Vec<Job> = seconds.iter().map(|&seconds| Job { seconds, predicted: seconds }).collect();
    let farm = Farm::even(workers, speed);
    Predicted {
        makespan: simulate(Policy::Steno, &jobs, &farm, false).makespan,
        lower_bound: farm.lower_bound(&jobs),
    }
}
