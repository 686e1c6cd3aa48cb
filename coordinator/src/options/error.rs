//! What is wrong with the options that a user gives.

use std::io;
use std::path::PathBuf;

use steno_shared::options::OptionsError;
use thiserror::Error;

/// Options that cannot be taken. All are the user's to mend, before any work.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The options file cannot be read.
    #[error("failed to read the options file {}: {source}; check its path and permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its name does not tell what it is written in.
    #[error("the options file {} must be named .toml or .json, by what it is written in", .0.display())]
    Extension(PathBuf),
    /// It is not what its name says.
    #[error("the options file {} is no {format}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// TOML or JSON.
        format: &'static str,
        /// What the parser said.
        reason: String,
    },
    /// It has something that is no option.
    #[error(
        "the options file {} has {key:?}, which is no option; {}",
        path.display(),
        nearest.map_or_else(|| "docs/options.md lists them all".to_owned(), |name| format!("did you mean {name}?"))
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The name there.
        key: String,
        /// The option whose name is like it, if there is one.
        nearest: Option<&'static str>,
    },
    /// A value is of another kind.
    #[error("the options file {} has {key} = {value}, but {key} must be {must}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The option.
        key: String,
        /// Its value as JSON.
        value: String,
        /// What it must be.
        must: String,
    },
    /// A value is out of range, or does not go with the others.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The table of options does not fit `TranscribeOptions`: a defect.
    #[error("failed to apply the options: {0}")]
    Internal(#[from] serde_json::Error),
}
