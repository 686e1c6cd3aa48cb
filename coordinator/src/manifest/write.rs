//! `steno manifest`: the recordings of an input as JSON lines.

use std::collections::HashMap;
use std::io::Write;

use futures::stream::{Stream, StreamExt as _};
use steno_shared::ids::ItemId;
use steno_shared::recording::{DurationSource, Recording};
use steno_shared::storage::{Entry, StorageError, Store};

use super::classify::{ByName, by_name};
use super::error::ManifestError;
use super::probe_entry::{IN_FLIGHT, Probed, Sniff, Unreadable, probe_entry};

/// One object of the input, looked at.
#[derive(Debug)]
pub enum Found {
    /// A recording.
    Recording(Recording),
    /// A recording whose headers the store would not give; its length is an estimate. It will most likely fail.
    Unreadable(Recording, Unreadable),
    /// No recording.
    Other,
    /// A part of the listing that is lost: an unreadable subfolder, a name that is not UTF-8.
    Lost(StorageError),
}

/// What a manifest holds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Summary {
    /// Recordings written.
    pub recordings: u64,
    /// Of these, the ones whose length is an estimate from the size.
    pub estimated: u64,
    /// Of these, the ones that could not be read.
    pub unreadable: u64,
    /// Objects that are no recordings.
    pub others: u64,
    /// Parts of the listing that are lost.
    pub lost: u64,
    /// Bytes of all recordings.
    pub size_bytes: u64,
    /// Seconds of all recordings.
    pub seconds: f64,
}

impl Summary {
    /// Counts one object.
    pub fn add(&mut self, found: &Found) {
        let recording = match found {
            Found::Recording(recording) => recording,
            Found::Unreadable(recording, _) => {
                self.unreadable += 1;
                recording
            }
            Found::Other => {
                self.others += 1;
                return;
            }
            Found::Lost(_) => {
                self.lost += 1;
                return;
            }
        };
        self.recordings += 1;
        self.size_bytes += recording.size_bytes;
        self.seconds += recording.seconds;
        self.estimated += u64::from(recording.seconds_from == DurationSource::Size);
    }
}

/// Recordings whose lengths are known from before, by their item.
pub type KnownLengths = HashMap<ItemId, KnownLength>;

/// A length known from before: seconds, and where they came from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownLength {
    /// Seconds.
    pub seconds: f64,
    /// Where they came from.
    pub seconds_from: DurationSource,
}

/// Looks at every object of the store, in the order of its listing, a bounded number at a time. Those that are
/// `known` are not probed again.
///
/// # Errors
/// An item is an error when the listing ends before its end, or a probe is lost to a defect.
pub fn list_recordings<'a>(
    store: &'a Store,
    known: &'a KnownLengths,
) -> impl Stream<Item = Result<Found, ManifestError>> + 'a {
    store.list().map(move |entry| look_at(store, known, entry)).buffered(IN_FLIGHT)
}

async fn look_at(
    store: &Store,
    known: &KnownLengths,
    entry: Result<Entry, StorageError>,
) -> Result<Found, ManifestError> {
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) if error.concerns_one_entry() => return Ok(Found::Lost(error)),
        Err(error) => return Err(error.into()),
    };
    let sniff = match by_name(&entry.key) {
        ByName::Other => return Ok(Found::Other),
        ByName::Recording => Sniff::Skip,
        ByName::Unknown => Sniff::First,
    };
    if let Some(length) = known.get(&ItemId::of_recording(&entry.key, &entry.etag, entry.size_bytes)) {
        let KnownLength { seconds, seconds_from } = *length;
        let Entry { key: name, etag, size_bytes } = entry;
        return Ok(Found::Recording(Recording { name, etag, size_bytes, seconds, seconds_from, part: None }));
    }
    Ok(match probe_entry(store.clone(), entry, sniff).await? {
        Probed::Recording(recording, None) => Found::Recording(recording),
        Probed::Recording(recording, Some(why)) => Found::Unreadable(recording, why),
        Probed::Other => Found::Other,
    })
}

/// Writes the recordings of the store to `out`, one JSON line each, in the order of the store's listing, and tells
/// `progress` of every object. Holds a few dozen entries at a time, however many there are.
///
/// # Errors
/// When the input cannot be listed to its end or `out` not be written: then the manifest is incomplete.
pub async fn write_manifest(
    store: &Store,
    mut out: impl Write,
    mut progress: impl FnMut(&Found, &Summary),
) -> Result<Summary, ManifestError> {
    let mut summary = Summary::default();
    let known = KnownLengths::new();
    let mut all = std::pin::pin!(list_recordings(store, &known));
    while let Some(found) = all.next().await {
        let found = found?;
        if let Found::Recording(recording) | Found::Unreadable(recording, _) = &found {
            serde_json::to_writer(&mut out, recording).map_err(|error| ManifestError::Write(error.into()))?;
            out.write_all(b"\n").map_err(ManifestError::Write)?;
        }
        summary.add(&found);
        progress(&found, &summary);
    }
    out.flush().map_err(ManifestError::Write)?;
    Ok(summary)
}
