//! Writing a backlog.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use steno_shared::storage::{Put, StorageError, Store};

use super::backlog::Backlog;

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

/// Writes what is not there yet, and tells `progress` how many were written so far.
///
/// # Errors
/// If the store cannot be listed or written.
pub async fn write(
    backlog: &Backlog,
    store: &Store,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Written, StorageError> {
    store.check_writable().await?;
    let there: HashSet<String> = store.list().map_ok(|entry| entry.key).try_collect().await?;
    let missing = backlog.recordings().filter(|made| !there.contains(&made.name));
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
