//! A batch in a cluster: submitted, watched to its end, read from its leases and its pods' logs, and removed.

use std::time::{Duration, Instant};

use steno_coordinator::cluster::{ClusterStatus, Phase};
use steno_coordinator::failure::Failure;
use steno_coordinator::inspect::{ClusterAccess, ItemFilter, items};
use steno_coordinator::kubernetes::Where;
use steno_coordinator::progress::write_line;
use steno_coordinator::run::Interrupts;
use steno_shared::leases::ItemState;

use super::child::{Said, submit};
use super::course::look;
use super::launch::Launch;
use super::logs::{Log, Told};
use super::sample::Samples;
use super::seen::{Seen, check_whole};

/// Between two looks at the leases, through the API server.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long one may take.
const LOOK_MAX: Duration = Duration::from_secs(5);
/// Between two looks at the batch's state in the cluster.
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// Has a cluster do a batch.
///
/// # Errors
/// If it cannot be submitted, does not end well, or cannot be looked into: it is left there then. If this process is told to
/// stop, the batch is cancelled.
pub(super) async fn in_cluster(launch: &Launch, place: &Where) -> Result<Seen, Failure> {
    let began = Instant::now();
    let batch = submit(launch, place).await?;
    let mut access = ClusterAccess::open_patiently(place, Some(&batch)).await?;
    let mut samples = Samples::default();
    let mut interrupts = Interrupts::listen()?;
    let watched = tokio::select! {
        watched = watch(&mut access, began, &mut samples) => Some(watched?),
        _ = interrupts.next() => None,
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
    let shards = access.record.course.shards;
    items(&access.leases, shards, &done, |item| done_seconds.push(item.seconds)).await?;
    access.delete().await?;
    Ok(Seen { said, samples, told, done_seconds })
}

/// Looks at a batch again and again until nothing more will happen to it, and shows how far it is.
async fn watch(
    access: &mut ClusterAccess,
    began: Instant,
    samples: &mut Samples,
) -> Result<ClusterStatus, Failure> {
    let mut told = String::new();
    let mut asked = None::<Instant>;
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Known when the input has been looked through.
        let shards = access.record.course.shards;
        if shards > 0
            && let look = look(&access.leases, shards, began)
            && let Ok(Ok(sample)) = tokio::time::timeout(LOOK_MAX, look).await
        {
            samples.0.push(sample);
        }
        if asked.is_some_and(|asked| asked.elapsed() < STATUS_EVERY) {
            continue;
        }
        asked = Some(Instant::now());
        let status = match access.refreshed_status().await {
            Ok(status) => status,
            // An API server that is away for a moment stops no batch.
            Err(failure) if failure.exit == steno_shared::exit::Exit::Lost => continue,
            Err(failure) => return Err(failure),
        };
        let line = status.line();
        if line != told {
            write_line(&line);
            told = line;
        }
        if status.settled {
            return Ok(status);
        }
    }
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
