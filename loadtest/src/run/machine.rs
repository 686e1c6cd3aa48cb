//! A batch on this machine: run, watched, and its workers' logs read.

use std::path::Path;
use std::time::{Duration, Instant};

use steno_coordinator::failure::Failure;
use steno_coordinator::inspect::Access;
use steno_coordinator::run::Interrupts;

use super::child::{Child, delete, done_seconds};
use super::course::{Pace, look_again};
use super::launch::Launch;
use super::logs::{Told, logs_in};
use super::sample::Samples;
use super::seen::{Seen, check_whole};

const PACE: Pace = Pace { every: Duration::from_millis(200), at_most: Duration::from_millis(500) };

/// Runs a batch on this machine.
///
/// # Errors
/// If `steno run` cannot be started or ends without a summary, or its batch or logs cannot be read.
pub(super) async fn on_machine(launch: &Launch, state: &Path) -> Result<Seen, Failure> {
    if state.exists() {
        return Err(Failure::usage(format!(
            "{} is there already; give --state another folder",
            state.display()
        )));
    }
    let mut child = Child::start(launch, state)?;
    let samples = watch(&mut child, state, Instant::now()).await?;
    let said = child.said().await?;
    check_whole(&said, launch)?;
    let told = Told::of(logs_in(&state.join("logs"))?);
    let done_seconds = done_seconds(state).await?;
    if launch.outlives_state() {
        delete(state).await?;
    }
    Ok(Seen { said, samples, told, done_seconds })
}

/// Looks at a run again and again until its process has ended.
///
/// # Errors
/// If this process is told to stop: then the run is stopped as well.
async fn watch(child: &mut Child, state: &Path, began: Instant) -> Result<Samples, Failure> {
    let mut samples = Samples::default();
    let mut interrupts = Interrupts::listen()?;
    let reach = async || {
        let access = Access::attach(state).await.ok()?;
        Some((access.leases, access.meta.shards))
    };
    let is_over = tokio::select! {
        () = child.end() => true,
        _ = interrupts.next() => false,
        never = look_again(reach, &PACE, began, &mut samples) => match never {},
    };
    if is_over {
        return Ok(samples);
    }
    child.stop().await;
    Err(Failure::interrupted("stopped, and the run with it"))
}
