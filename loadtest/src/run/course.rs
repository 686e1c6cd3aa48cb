//! Watching a run on this machine until it ends.

use std::convert::Infallible;
use std::path::Path;
use std::time::{Duration, Instant};

use steno_coordinator::failure::Failure;
use steno_coordinator::inspect::Access;
use steno_coordinator::progress::Snapshot;
use steno_coordinator::run::Interrupts;
use steno_shared::leases::{LeaseError, Leases, ServerLoad};

use super::child::Child;
use super::sample::{Sample, Samples};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long a look may take: a Redis that ends with its run answers no more.
const LOOK_MAX: Duration = Duration::from_millis(500);

/// Looks at a run again and again until its process has ended. A look that Redis does not answer is left out.
///
/// # Errors
/// If this process is told to stop: then the run is stopped as well.
pub(super) async fn watch(child: &mut Child, state: &Path, began: Instant) -> Result<Samples, Failure> {
    let mut samples = Samples::default();
    let mut interrupts = Interrupts::listen()?;
    let is_over = tokio::select! {
        () = child.end() => true,
        _ = interrupts.next() => false,
        never = look_again(state, began, &mut samples) => match never {},
    };
    if is_over {
        return Ok(samples);
    }
    child.stop().await;
    Err(Failure::interrupted("stopped, and the run with it"))
}

async fn look_again(state: &Path, began: Instant, samples: &mut Samples) -> Infallible {
    let mut access = None;
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if access.is_none() {
            access = Access::attach(state).await.ok();
        }
        if let Some(access) = &access
            && let look = look(&access.leases, access.meta.shards, began)
            && let Ok(Ok(sample)) = tokio::time::timeout(LOOK_MAX, look).await
        {
            samples.0.push(sample);
        }
    }
}

/// Looks at a batch of so many shards.
///
/// # Errors
/// If Redis does not answer.
pub(super) async fn look(leases: &Leases, shards: u32, began: Instant) -> Result<Sample, LeaseError> {
    let snapshot = Snapshot::read(leases, shards).await?;
    let at = began.elapsed();
    let loads = leases.server_loads().await?;
    let redis = loads.into_iter().fold(ServerLoad::default(), |sum, load| ServerLoad {
        memory_bytes: sum.memory_bytes + load.memory_bytes,
        dataset_bytes: sum.dataset_bytes + load.dataset_bytes,
        cpu_seconds: sum.cpu_seconds + load.cpu_seconds,
    });
    Ok(Sample { at, totals: snapshot.totals, workers: snapshot.workers, redis })
}
