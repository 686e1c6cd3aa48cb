//! Real and simulated transcripts never share an output: an object of its own marks those of the simulated engine.

use futures::StreamExt as _;
use steno_shared::simulated::{MARKER, is_marked, mark};
use steno_shared::storage::Store;

use crate::failure::Failure;

/// Marks an output for simulated transcripts, which must be empty or marked already.
///
/// # Errors
/// If it holds anything else, or cannot be read or written.
pub(crate) async fn mark_simulated(output: &Store) -> Result<(), Failure> {
    if is_marked(output).await? {
        return Ok(());
    }
    if let Some(first) = std::pin::pin!(output.list()).next().await {
        let holds = first.map_or_else(|_| "something".to_owned(), |entry| entry.key);
        return Err(Failure::usage(format!(
            "{} holds {holds} and is not marked as simulated ({MARKER} is not in it): simulated transcripts go only where no others \
             are; give --out an empty place",
            output.location()
        )));
    }
    Ok(mark(output).await?)
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
        "{} holds simulated transcripts ({MARKER} is in it); give --out another place, or remove all of it first",
        output.location()
    )))
}
