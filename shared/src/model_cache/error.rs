//! Why a model could not be pulled.

use std::io;
use std::path::PathBuf;

use crate::exit::Exit;
use crate::model_folder::ModelFolderError;
use crate::storage::{StorageError, StorageErrorKind};

/// Why a model could not be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The place that it comes from.
    #[error(transparent)]
    Source(#[from] StorageError),
    /// It lacks files there.
    #[error(
        "{place} holds no whole model: {} missing; a CTranslate2 Whisper model has model.bin, config.json, tokenizer.json and \
         vocabulary.json or .txt: name the folder that holds them",
        missing.join(", ")
    )]
    Incomplete {
        /// Where it was looked for.
        place: String,
        /// The names of the files.
        missing: Vec<&'static str>,
    },
    /// Its checksums are not known there.
    #[error(
        "the model in {place} has no checksum of {file} in its SHA256SUMS, so a damaged copy would go unnoticed; put it there \
         with `steno model pull {place} --to {place}`, which adds them"
    )]
    NoChecksum {
        /// Where the model is.
        place: String,
        /// The file without one.
        file: String,
    },
    /// What was fetched is damaged, or incomplete.
    #[error(transparent)]
    Damaged(#[from] ModelFolderError),
    /// It is another model than the batch was planned with.
    #[error(
        "{place} holds another model than the batch was planned with (hash {found}, not {wanted}); put the former one back, or \
         submit to another output"
    )]
    Other {
        /// Where it comes from.
        place: String,
        /// Its hash.
        found: String,
        /// The planned one's.
        wanted: String,
    },
    /// The cache's own folder.
    #[error("failed to {doing} {path}: {source}; check that the model cache is writable and has room")]
    Cache {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl PullError {
    /// The exit code of a process that ends with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Source(error) if error.kind() == StorageErrorKind::Unreachable => Exit::Lost,
            // Fetched anew, it may be whole: the next try begins from nothing.
            Self::Damaged(_) => Exit::Lost,
            Self::Source(_)
            | Self::Incomplete { .. }
            | Self::NoChecksum { .. }
            | Self::Other { .. }
            | Self::Cache { .. } => Exit::Unusable,
        }
    }
}
