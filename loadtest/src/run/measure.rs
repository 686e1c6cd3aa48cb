//! One measured run.

use std::num::NonZeroU32;

use serde::Serialize;
use steno_coordinator::failure::Failure;
use steno_shared::leases::Operation;

use super::cluster::in_cluster;
use super::launch::{Launch, Place};
use super::logs::{LatencyFigures, Told};
use super::machine::on_machine;
use super::sample::Samples;
use super::seen::Seen;
use crate::simulate::{Farm, Job, Policy, simulate};
use crate::word_errors::ErrorRates;

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// Worker processes, or nodes.
    pub workers: u32,
    /// Recordings of the batch.
    pub recordings: u64,
    /// Transcribed by this run.
    pub done: u64,
    /// Given up.
    pub failed: u64,
    /// Audio that was transcribed, in seconds.
    pub audio_seconds: f64,
    /// Seconds from the start of `steno run`, or from `steno submit`, to the end.
    pub wall_seconds: f64,
    /// Seconds from the first claim to the last transcript.
    pub makespan_seconds: f64,
    /// No schedule of the leases as they were split ends before: the engines' mean load, or the longest at the greatest speed.
    pub lower_bound_seconds: f64,
    /// The one over the other.
    pub over_bound: f64,
    /// Makespan over the mean load: no schedule at all ends before that.
    pub over_load: f64,
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
    /// How many words are wrong, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_errors: Option<ErrorRates>,
    /// All that was seen.
    #[serde(skip)]
    pub samples: Samples,
}

impl Round {
    /// The workers' calls of a kind, if there were any.
    #[must_use]
    pub fn latency(&self, operation: Operation) -> Option<&LatencyFigures> {
        self.latencies.iter().find(|latency| latency.operation == operation.name())
    }

    /// The mean of all workers' busy shares.
    #[must_use]
    pub fn mean_busy(&self) -> f64 {
        self.busy.iter().sum::<f64>() / f64::from(self.workers.max(1))
    }
}

/// Runs, and measures.
///
/// # Errors
/// If Steno cannot be started or ends without a summary, its batch or logs cannot be read, or it did not do the whole of a new
/// batch: then there is nothing to measure.
pub async fn measure(launch: &Launch) -> Result<Round, Failure> {
    let seen = match &launch.place {
        Place::Machine { state } => on_machine(launch, state).await?,
        Place::Cluster(place) => in_cluster(launch, place).await?,
    };
    let Seen { said, samples, told: Told { makespan, busy_seconds, latencies }, done_seconds } = seen;
    let makespan_seconds = makespan.as_secs_f64();
    let predicted = predict(
        &done_seconds,
        launch.workers,
        &launch.speeds,
        said.audio_seconds / busy_seconds.iter().sum::<f64>(),
    );
    let Some(predicted) = predicted.filter(|_| makespan_seconds > 0.0) else {
        return Err(Failure::internal("the workers' logs do not tell how long the engines computed"));
    };
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
        over_bound: makespan_seconds / predicted.lower_bound,
        over_load: makespan_seconds / predicted.load,
        predicted_seconds: predicted.makespan,
        busy: busy_seconds.iter().map(|busy| busy / makespan_seconds).collect(),
        latencies,
        redis_cpu_seconds: redis.cpu_seconds,
        redis_memory_bytes: redis.memory_bytes,
        word_errors: None,
        samples,
    })
}

struct Predicted {
    makespan: f64,
    lower_bound: f64,
    load: f64,
}

/// What a simulation makes of the same leases on as many workers: of these speeds where they differ, else all of the speed that was
/// measured, in seconds of audio a second. `None` without any speed.
fn predict(seconds: &[f64], workers: u32, speeds: &[f64], measured: f64) -> Option<Predicted> {
    let count = NonZeroU32::new(workers).filter(|_| measured.is_finite() && measured > 0.0)?;
    let jobs: Vec<Job> = seconds.iter().map(|&seconds| Job { seconds, predicted: seconds }).collect();
    let mut farm = Farm::even(count, measured);
    if speeds.len() > 1 {
        farm.speeds = speeds.iter().copied().cycle().take(workers as usize).collect();
    }
    Some(Predicted {
        makespan: simulate(Policy::StenoWhole, &jobs, &farm, false).makespan,
        lower_bound: farm.lower_bound(&jobs),
        load: farm.load_bound(&jobs),
    })
    .filter(|predicted| predicted.load > 0.0)
}
