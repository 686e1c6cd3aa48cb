//! What a batch that is over leaves to be measured, wherever it ran.

use steno_coordinator::failure::Failure;

use super::child::Said;
use super::launch::Launch;
use super::logs::Told;
use super::sample::Samples;

/// What there is to tell of a batch that is over.
pub(super) struct Seen {
    pub(super) said: Said,
    pub(super) samples: Samples,
    pub(super) told: Told,
    /// The lengths of what was done, in seconds, as they were planned.
    pub(super) done_seconds: Vec<f64>,
}

/// That a run did all of its batch: what was done before, or is left, would make the figures too good.
pub(super) fn check_whole(said: &Said, launch: &Launch) -> Result<(), Failure> {
    if said.skipped + said.kept > 0 {
        return Err(Failure::usage(format!(
            "{} holds transcripts of {} of the recordings already; give --out an empty place",
            launch.output,
            said.skipped + said.kept
        )));
    }
    if said.left > 0 {
        return Err(Failure::interrupted(format!("the run was stopped with {} recordings left", said.left)));
    }
    if said.done == 0 {
        return Err(Failure::usage(format!(
            "of {} recordings in {} none could be transcribed; `steno-loadtest generate` makes some that can",
            said.recordings, launch.input
        )));
    }
    Ok(())
}
