//! Real and simulated transcripts never share an output: an object of its own marks those of the simulated engine.

use futures::StreamExt as _;
use steno_shared::simulated::{MARKER, is_marked};
use steno_shared::storage::Store;

use crate::failure::Failure;

/// Checks that an output may hold simulated transcripts: it is empty, or marked already.
///
/// # Errors
/// If it holds anything else, or cannot be read.
pub(crate) async fn check_for_simulated(output: &Store) -> Result<(), Failure> {
    if is_marked(output).await? {
        return Ok(());
    }
    let holds = match std::pin::pin!(output.list()).next().await {
        None => return Ok(()),
        Some(Ok(entry)) => entry.key,
        Some(Err(error)) if error.concerns_one_entry() => "something".to_owned(),
        Some(Err(error)) => return Err(error.into()),
    };
    Err(Failure::usage(format!(
        "{} holds {holds} and is not marked as simulated ({MARKER} is not in it): simulated transcripts go only where no others \
         are; give --out an empty place",
        output.location()
    )))
}

/// Refuses an output that holds simulated transcripts.
///
/// # Errors
/// If it is marked, or cannot be read.
pub(crate) async fn refuse_simulated(output: &Store) -> Result<(), Failure> {
    if !is_marked(output).await? {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} holds simulated transcripts ({MARKER} is in it); give --out another place, or remove what the simulated engine wrote there",
        output.location()
    )))
}
