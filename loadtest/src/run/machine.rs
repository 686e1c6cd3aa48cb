//! A batch on this machine: run, watched, and its workers' logs read.

use std::path::Path;
use std::time::Instant;

use steno_coordinator::failure::Failure;

use super::child::{Child, delete, done_seconds};
use super::course::watch;
use super::launch::Launch;
use super::logs::{Told, logs_in};
use super::seen::{Seen, check_whole};

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
