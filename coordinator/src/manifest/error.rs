//! What can be wrong with a manifest, or with making one.

use std::io;

use steno_shared::exit::Exit;
use steno_shared::storage::StorageError;

use crate::quantities::grouped;

/// Missing names that an error message lists.
pub(super) const NAMES_SHOWN_MAX: usize = 10;

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The input cannot be listed or asked.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A line of a manifest is none.
    #[error("failed to read {source_name} line {line}: {cause}; correct the line or take it out")]
    Line {
        /// The manifest's own name.
        source_name: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        cause: String,
    },
    /// More lines than a batch may have recordings.
    #[error(
        "failed to read {source_name}: it has more than {} lines, and no batch holds as many recordings; split it, and give each part an \
         output folder of its own",
        grouped(*lines_max)
    )]
    TooMany {
        /// The manifest's own name.
        source_name: String,
        /// How many it may have.
        lines_max: u64,
    },
    /// More bytes than so many lines have.
    #[error(
        "failed to read {source_name}: it has more than {} bytes; is this a manifest? If so, leave out all but the names, or split it and \
         give each part an output folder of its own",
        grouped(*bytes_max)
    )]
    TooLarge {
        /// The manifest's own name.
        source_name: String,
        /// How many it may have.
        bytes_max: u64,
    },
    /// The manifest itself cannot be read.
    #[error("failed to read {source_name}: {cause}")]
    Unreadable {
        /// The manifest's own name.
        source_name: String,
        /// Why.
        cause: io::Error,
    },
    /// Names of a manifest that the input does not have.
    #[error(
        "{count} of the names in {source_name} {} not in {input}: {}{}; correct them or take them out, nothing was \
         started", if *count == 1 { "is" } else { "are" }, names.join(", "), if *count > names.len() { ", …" } else { "" }
    )]
    Missing {
        /// The manifest's own name.
        source_name: String,
        /// The input that was asked.
        input: String,
        /// How many.
        count: usize,
        /// The first few, quoted, with their lines.
        names: Vec<String>,
    },
    /// The manifest cannot be written.
    #[error("failed to write the manifest: {0}; what was written is incomplete")]
    Write(io::Error),
    /// A defect of Steno.
    #[error("failed to probe a recording: {0}; this is a defect of Steno, please report it")]
    Internal(String),
}

impl ManifestError {
    /// The exit code that stands for it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Storage(_) | Self::Unreadable { .. } | Self::Write(_) => Exit::Unusable,
            Self::Line { .. } | Self::TooMany { .. } | Self::TooLarge { .. } | Self::Missing { .. } => {
                Exit::Usage
            }
            Self::Internal(_) => Exit::Internal,
        }
    }
}
