//! Writing a backlog.

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use steno_shared::storage::{Put, StorageError, Store};

use super::backlog::{Backlog, Made};

/// Recordings that are written at once.
const AT_ONCE: usize = 32;

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Recordings that were not there.
    pub new: u64,
    /// Recordings that were.
    pub there: u64,
}

/// Why a backlog was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Nothing was written, since this recording is there and of another size.
    #[error(
        "{0:?} is there already, and is none of these recordings; give an empty place, or the same --lengths and --seed"
    )]
    Other(String),
}

/// Writes what is not there yet, and tells `progress` how many were written so far.
///
/// # Errors
/// If the store cannot be listed or written, or holds another backlog.
pub async fn write(
    backlog: &Backlog,
    store: &Store,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Written, WriteError> {
    store.check_writable().await?;
    let there: HashMap<String, u64> =
        store.list().map_ok(|entry| (entry.key, entry.size_bytes)).try_collect().await?;
    let is_other =
        |made: &Made| there.get(&made.name).is_some_and(|size| *size != backlog.bytes(made).len() as u64);
    if let Some(other) = backlog.recordings().find(is_other) {
        return Err(WriteError::Other(other.name));
    }
    let missing = backlog.recordings().filter(|made| !there.contains_key(&made.name));
    let all = backlog.seconds.len() as u64;
    let mut puts = stream::iter(missing)
        .map(|made| async move {
            let body = backlog.bytes(&made).into();
            store.put_new(&made.name, body, "audio/flac").await
        })
        .buffer_unordered(AT_ONCE);
    let mut new = 0;
    while let Some(put) = puts.try_next().await? {
        new += u64::from(put == Put::Created);
        progress(new);
    }
    Ok(Written { new, there: all - new })
}
