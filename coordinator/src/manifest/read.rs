//! A manifest that the user gives: `steno manifest`'s JSON lines, or the plain one-name-a-line `manifest.txt`.

use std::collections::HashSet;
use std::io::BufRead;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use steno_shared::recording::Recording;
use steno_shared::storage::{StorageError, StorageErrorKind, Store};

use super::error::{ManifestError, NAMES_SHOWN_MAX};
use super::line::{self, Line};
use super::probe_entry::{IN_FLIGHT, Probed, Sniff, probe_entry};

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
    /// What the user should know.
    pub notices: Vec<Notice>,
}

/// Reads a manifest, and asks the store for what its lines do not say: version, size and length.
///
/// Every name in it is a recording, whatever its extension: the user says so. Lines may end with CRLF; blank ones
/// are passed over. A line that says all is believed: if the object changed since, the worker reports that.
///
/// # Errors
/// At the first line that is none, and when names are not in the store (all of them are looked for first), so
/// that nothing starts with a part of what was asked for.
pub async fn read_manifest(
    store: &Store,
    source: impl BufRead,
    source_name: &str,
) -> Result<ReadManifest, ManifestError> {
    let (lines, mut notices) = read_lines(store, source, source_name)?;
    let answers = stream::iter(lines)
        .map(|(number, line)| async move { Ok::<_, ManifestError>((number, complete(store, line).await?)) })
        .buffered(IN_FLIGHT);
    let mut answers = std::pin::pin!(answers);
    let mut recordings = Vec::new();
    let mut missing = Vec::new();
    let mut missing_count = 0;
    while let Some((number, answer)) = answers.try_next().await? {
        match answer {
            Answer::Found(recording, unreadable) => {
                if let Some(cause) = unreadable {
                    notices.push(Notice::Unreadable { name: recording.name.clone(), cause });
                }
                recordings.push(recording);
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
            input: store.location().to_string(),
            count: missing_count,
            names: missing,
        });
    }
    Ok(ReadManifest { recordings, notices })
}

type NumberedLines = Vec<(usize, Line)>;

fn read_lines(
    store: &Store,
    mut source: impl BufRead,
    source_name: &str,
) -> Result<(NumberedLines, Vec<Notice>), ManifestError> {
    let mut lines: NumberedLines = Vec::new();
    let mut notices = Vec::new();
    let mut names = HashSet::new();
    let mut buffer = Vec::new();
    for number in 1.. {
        buffer.clear();
        let unreadable = |cause| ManifestError::Unreadable { source_name: source_name.to_owned(), cause };
        if source.read_until(b'\n', &mut buffer).map_err(unreadable)? == 0 {
            break;
        }
        let at_line =
            |cause| ManifestError::Line { source_name: source_name.to_owned(), line: number, cause };
        let text = std::str::from_utf8(&buffer).map_err(|_| at_line("it is not UTF-8".to_owned()))?;
        // Editors of one system put a mark at the start.
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let Some(line) = line::parse(text, store.location()).map_err(at_line)? else { continue };
        if names.insert(line.name().to_owned()) {
            lines.push((number, line));
        } else {
            notices.push(Notice::Duplicate { name: line.name().to_owned(), line: number });
        }
    }
    Ok((lines, notices))
}

enum Answer {
    Found(Recording, Option<String>),
    Missing(String),
    /// No store can have such a name, or this one must not be asked for it: `../x`.
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
