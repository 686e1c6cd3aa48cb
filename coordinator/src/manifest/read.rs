//! A manifest that the user gives: `steno manifest`'s JSON lines, or the plain one-name-a-line `manifest.txt`.

use std::collections::HashSet;
use std::io::BufRead;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use steno_shared::recording::Recording;
use steno_shared::storage::{StorageError, StorageErrorKind, Store};

use super::error::{ManifestError, NAMES_SHOWN_MAX};
use super::line::Line;
use super::lines::Lines;
use super::probe_entry::{IN_FLIGHT, Probed, Sniff, probe_entry};

/// Notices that are kept; beyond these, their number is told.
const NOTICES_MAX: usize = 10;

/// Something the user should know, that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A name stands on more than one line; it is taken once.
    Duplicate {
        /// The name.
        name: String,
        /// The later line, counted from 1.
        line: usize,
    },
    /// The store would not give the recording's headers; its length is an estimate.
    Unreadable {
        /// The name.
        name: String,
        /// In the store's words.
        cause: String,
    },
}

/// A manifest as read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadManifest {
    /// In the order of the lines.
    pub recordings: Vec<Recording>,
    /// What the user should know: the first few.
    pub notices: Vec<Notice>,
    /// How many more there were.
    pub more_notices: u64,
}

impl ReadManifest {
    fn notice(&mut self, notice: Notice) {
        if self.notices.len() < NOTICES_MAX {
            self.notices.push(notice);
        } else {
            self.more_notices += 1;
        }
    }
}

/// Reads a manifest, and asks the store for what its lines do not say: version, size and length.
///
/// Every name in it is a recording, whatever its extension: the user says so. Lines may end with CRLF; blank ones
/// are passed over. A line that says all is believed: if the object changed since, the worker reports that. Beside the
/// recordings, 16 bytes of each are held.
///
/// # Errors
/// At the first line that is none, and when names are not in the store (all of them are looked for first), so
/// that nothing starts with a part of what was asked for.
pub async fn read_manifest(
    store: &Store,
    source: impl BufRead,
    source_name: &str,
) -> Result<ReadManifest, ManifestError> {
    let input = store.location();
    let mut lines = Lines::new(source, source_name, input);
    let mut seen = HashSet::new();
    let lines = std::iter::from_fn(|| lines.next().transpose());
    let answers = stream::iter(lines)
        .map(|line| {
            let line = line.map(|(number, line)| (number, seen.insert(short_digest(line.name())), line));
            async move {
                let (number, is_new, line) = line?;
                let answer = if is_new { complete(store, line).await? } else { Answer::Duplicate(line) };
                Ok::<_, ManifestError>((number, answer))
            }
        })
        .buffered(IN_FLIGHT);
    let mut answers = std::pin::pin!(answers);
    let mut manifest = ReadManifest::default();
    let mut missing = Vec::new();
    let mut missing_count = 0;
    while let Some((number, answer)) = answers.try_next().await? {
        match answer {
            Answer::Found(recording, unreadable) => {
                if let Some(cause) = unreadable {
                    manifest.notice(Notice::Unreadable { name: recording.name.clone(), cause });
                }
                manifest.recordings.push(recording);
            }
            Answer::Duplicate(line) => {
                manifest.notice(Notice::Duplicate { name: line.name().to_owned(), line: number });
            }
            Answer::Invalid(error) => {
                return Err(ManifestError::Line {
                    source_name: source_name.to_owned(),
                    line: number,
                    cause: error.to_string(),
                });
            }
            Answer::Missing(name) => {
                missing_count += 1;
                if missing.len() < NAMES_SHOWN_MAX {
                    missing.push(format!("{name:?} (line {number})"));
                }
            }
        }
    }
    if missing_count > 0 {
        return Err(ManifestError::Missing {
            source_name: source_name.to_owned(),
            input: input.to_string(),
            count: missing_count,
            names: missing,
        });
    }
    Ok(manifest)
}

/// Enough of a name's digest that no two names of a manifest share it.
fn short_digest(name: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
    short
}

enum Answer {
    Found(Recording, Option<String>),
    Missing(String),
    /// It was asked for by an earlier line.
    Duplicate(Line),
    /// This store cannot have such a name: too long for its file system.
    Invalid(StorageError),
}

async fn complete(store: &Store, line: Line) -> Result<Answer, ManifestError> {
    let name = match line {
        Line::Known(recording) => return Ok(Answer::Found(recording, None)),
        Line::Named(name) => name,
    };
    let entry = match store.head(&name).await {
        Ok(Some(entry)) => entry,
        Ok(None) => return Ok(Answer::Missing(name)),
        Err(error) if error.kind() == StorageErrorKind::InvalidKey => return Ok(Answer::Invalid(error)),
        Err(error) => return Err(error.into()),
    };
    Ok(match probe_entry(store.clone(), entry, Sniff::Skip).await? {
        Probed::Recording(recording, unreadable) => Answer::Found(recording, unreadable.map(|why| why.cause)),
        Probed::Other => Answer::Missing(name),
    })
}
