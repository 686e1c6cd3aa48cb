//! Looking at a batch while it is under way.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use steno_coordinator::progress::Snapshot;
use steno_shared::leases::{LeaseError, Leases, ServerLoad};

use super::sample::{Sample, Samples};

/// How a batch is looked at.
pub(super) struct Pace {
    /// Between two looks.
    pub(super) every: Duration,
    /// How long a look may take: a Redis that ends with its run answers no more.
    pub(super) at_most: Duration,
}

/// Looks at a batch again and again, as soon as `reach` finds its leases and how many shards it has. A look that Redis does not
/// answer is left out.
pub(super) async fn look_again(
    reach: impl AsyncFn() -> Option<(Leases, u32)>,
    pace: &Pace,
    began: Instant,
    samples: &mut Samples,
) -> Infallible {
    let mut reached = None;
    let mut ticks = tokio::time::interval(pace.every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if reached.is_none() {
            reached = reach().await;
        }
        if let Some((leases, shards)) = &reached
            && let look = look(leases, *shards, began)
            && let Ok(Ok(sample)) = tokio::time::timeout(pace.at_most, look).await
        {
            samples.0.push(sample);
        }
    }
}

async fn look(leases: &Leases, shards: u32, began: Instant) -> Result<Sample, LeaseError> {
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
