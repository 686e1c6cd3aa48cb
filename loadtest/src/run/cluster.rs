//! A batch in a cluster: submitted, watched to its end, read from its leases and its pods' logs, and removed.

use std::time::{Duration, Instant};

use steno_coordinator::cluster::{ClusterStatus, Phase};
use steno_coordinator::failure::Failure;
use steno_coordinator::inspect::{ClusterAccess, ItemFilter, items};
use steno_coordinator::kubernetes::Where;
use steno_coordinator::run::Interrupts;
use steno_shared::leases::ItemState;

use super::child::{Said, submit};
use super::course::{Pace, look_again};
use super::launch::Launch;
use super::logs::{Log, Told};
use super::sample::Samples;
use super::seen::{Seen, check_whole};

/// Through the API server.
const PACE: Pace = Pace { every: Duration::from_millis(500), at_most: Duration::from_secs(5) };

/// Has a cluster do a batch.
///
/// # Errors
/// If it cannot be submitted, does not end well, or cannot be looked into: it is left there then. If this process is told to
/// stop, the batch is cancelled.
pub(super) async fn in_cluster(launch: &Launch, place: &Where) -> Result<Seen, Failure> {
    let began = Instant::now();
    let batch = submit(launch, place).await?;
    let access = ClusterAccess::open_patiently(place, Some(&batch)).await?;
    let mut samples = Samples::default();
    let mut interrupts = Interrupts::listen()?;
    let reach = async || {
        let meta = access.leases.meta().await.ok()??;
        Some((access.leases.clone(), meta.shards))
    };
    let watched = tokio::select! {
        watched = access.watch() => Some(watched?),
        _ = interrupts.next() => None,
        never = look_again(&reach, &PACE, began, &mut samples) => match never {},
    };
    let Some(status) = watched else {
        access.cancel().await?;
        return Err(Failure::interrupted(format!("stopped, and batch {batch} cancelled")));
    };
    if status.phase == Phase::Failed {
        let why = status.message.unwrap_or_default();
        return Err(Failure::unusable(format!("batch {batch} failed: {why}")));
    }
    let said = said(&status, began.elapsed());
    check_whole(&said, launch)?;
    let logs = access.logs().await?.into_iter();
    let told = Told::of(logs.map(|(index, text)| Log { place: index as usize, text }).collect());
    let mut done_seconds = Vec::new();
    let done = ItemFilter { state: Some(ItemState::Done) };
    let (leases, shards) = reach()
        .await
        .ok_or_else(|| Failure::lost(format!("Redis does not tell of batch {batch} any more")))?;
    items(&leases, shards, &done, |item| done_seconds.push(item.seconds)).await?;
    access.delete().await?;
    Ok(Seen { said, samples, told, done_seconds })
}

/// What `steno run` would say of the same.
fn said(status: &ClusterStatus, wall: Duration) -> Said {
    let totals = status.totals.unwrap_or_default();
    Said {
        recordings: totals.recordings + status.published,
        done: totals.done,
        skipped: status.published,
        kept: 0,
        failed: totals.dead,
        left: totals.open(),
        wall_seconds: wall.as_secs_f64(),
        audio_seconds: totals.done_ms as f64 / 1000.0,
    }
}
