//! Between the store, which is asynchronous, and the probe, which reads as it goes.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;

use steno_shared::recording::Recording;
use steno_shared::storage::{Entry, StorageErrorKind, Store};
use tokio::runtime::Handle;

use super::error::ManifestError;
use crate::probe::{Container, FetchError, RangedReader, ReadBudget, SNIFF_BYTES, probe};

/// Recordings probed at the same time: probing waits for answers, and does little else.
pub(super) const IN_FLIGHT: usize = 32;

/// How sure it is that an object is a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sniff {
    /// It is taken for one.
    Skip,
    /// Only if its first bytes are those of one.
    First,
}

/// Why a recording's headers could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// In the store's words.
    pub cause: String,
    /// Whether the store denied it: a permission is missing.
    pub denied: bool,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

/// What a probe of one object gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Probed {
    /// A recording, and why its headers could not be read if the store failed.
    Recording(Recording, Option<Unreadable>),
    /// No recording.
    Other,
}

/// Probes one object, on a thread that may block.
pub(super) async fn probe_entry(store: Store, entry: Entry, sniff: Sniff) -> Result<Probed, ManifestError> {
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let denied = Cell::new(false);
        let fetch = |range: Range<u64>| {
            handle.block_on(store.read_range(&entry.key, range, Some(&entry.etag))).map_err(|error| {
                denied.set(error.kind() == StorageErrorKind::Denied);
                FetchError(error.to_string())
            })
        };
        let mut reader = RangedReader::new(entry.size_bytes, ReadBudget::default(), fetch);
        if sniff == Sniff::First {
            match reader.head(SNIFF_BYTES) {
                Ok(head) if !Container::is_recording(&head) => return Probed::Other,
                // What cannot be read may be a recording: it is kept, and fails with its own message.
                Ok(_) | Err(_) => {}
            }
        }
        let found = probe(&mut reader, &entry.key);
        let recording = Recording {
            seconds: found.seconds,
            seconds_from: found.seconds_from,
            part: None,
            name: entry.key.clone(),
            etag: entry.etag.clone(),
            size_bytes: entry.size_bytes,
        };
        let unreadable = found.unreadable.map(|FetchError(cause)| Unreadable { cause, denied: denied.get() });
        Probed::Recording(recording, unreadable)
    })
    .await
    .map_err(|error| ManifestError::Internal(error.to_string()))
}
