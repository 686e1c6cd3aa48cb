//! Writing a backlog of speech: each recording's reference text, then the recording.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use steno_coordinator::failure::Failure;
use steno_shared::storage::{Put, Store};

use super::make::{Made, make};
use super::recipe::{Note, Planned, Recipe};
use crate::generate::Written;
use crate::word_errors::{NOTE_KEY, reference_key};

const NOTE_BYTES_MAX: u64 = 1 << 20;

/// Writes what is not there yet, as many recordings at once as there are cores, and tells `progress` how many were written so far.
///
/// # Errors
/// If a store cannot be listed or written or holds something else, and if espeak-ng or ffmpeg fail.
pub async fn write(
    recipe: &Recipe,
    ffmpeg: &Path,
    recordings: &Store,
    references: &Store,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Written, Failure> {
    recordings.check_writable().await?;
    references.check_writable().await?;
    let (there, texts) = (keys(recordings).await?, keys(references).await?);
    let is_other =
        |planned: &Planned| there.contains(&planned.name) && !texts.contains(&reference_key(&planned.name));
    if let Some(other) = recipe.recordings().find(is_other) {
        return Err(Failure::usage(format!(
            "{:?} is in {} already, and its text not in {}; give empty places, or those of one backlog",
            other.name,
            recordings.location(),
            references.location()
        )));
    }
    write_note(&recipe.note(), references).await?;
    let missing = recipe.recordings().filter(|planned| !there.contains(&planned.name));
    let ffmpeg: Arc<Path> = ffmpeg.into();
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let mut puts = stream::iter(missing)
        .map(|planned| put(planned, Arc::clone(&ffmpeg), recordings, references))
        .buffer_unordered(at_once);
    let mut new = 0;
    while let Some(put) = puts.try_next().await? {
        new += u64::from(put == Put::Created);
        progress(new);
    }
    Ok(Written { new, there: recipe.seconds.len() as u64 - new })
}

async fn put(
    planned: Planned,
    ffmpeg: Arc<Path>,
    recordings: &Store,
    references: &Store,
) -> Result<Put, Failure> {
    let format = planned.format;
    let made = tokio::task::spawn_blocking(move || make(&planned, &ffmpeg)).await;
    let Made { bytes, reference } =
        made.map_err(|error| Failure::internal(format!("a recording was not made: {error}")))??;
    // The text first: a recording that is there has one, wherever the last run was stopped.
    let text = serde_json::to_vec(&reference).map_err(Failure::internal)?;
    references.put(&reference_key(&reference.name), text.into(), "application/json").await?;
    Ok(recordings.put_new(&reference.name, bytes.into(), format.content_type()).await?)
}

async fn keys(store: &Store) -> Result<HashSet<String>, Failure> {
    Ok(store.list().map_ok(|entry| entry.key).try_collect().await?)
}

/// Notes what the recordings follow from, or sees that the same is noted.
async fn write_note(note: &Note, references: &Store) -> Result<(), Failure> {
    let body = Bytes::from(serde_json::to_vec(note).map_err(Failure::internal)?);
    if references.put_new(NOTE_KEY, body, "application/json").await? == Put::Created {
        return Ok(());
    }
    let there = references.read(NOTE_KEY, NOTE_BYTES_MAX).await?.unwrap_or_default();
    if serde_json::from_slice::<Note>(&there).is_ok_and(|there| there == *note) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the texts in {} are of a backlog with other options ({}); give empty places, or the same options",
        references.location(),
        String::from_utf8_lossy(&there).trim()
    )))
}
