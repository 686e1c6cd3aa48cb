//! Real and simulated transcripts never share an output: an object of its own marks those of the simulated engine.

use futures::StreamExt as _;
use steno_shared::simulated::{MARKER, is_marked};
use steno_shared::storage::Store;

use crate::failure::Failure;

/// Checks that an output may hold transcripts of a simulated engine, or of a real one.
///
/// # Errors
/// If it holds the other kind, or cannot be read.
pub(crate) async fn check_kind(output: &Store, is_simulated: bool) -> Result<(), Failure> {
    if is_simulated { check_for_simulated(output).await } else { refuse_simulated(output).await }
}

/// For simulated ones it is empty, or marked already.
async fn check_for_simulated(output: &Store) -> Result<(), Failure> {
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

/// For real ones it is not marked.
async fn refuse_simulated(output: &Store) -> Result<(), Failure> {
    if !is_marked(output).await? {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} holds simulated transcripts ({MARKER} is in it); give --out another place, or remove what the simulated engine wrote there",
        output.location()
    )))
}
