//! An error that ends a command: an exit code and a message for the user.

use steno_shared::exit::Exit;
use steno_shared::leases::LeaseError;
use steno_shared::model_cache::PullError;
use steno_shared::storage::{StorageError, StorageErrorKind};

use crate::manifest::ManifestError;

/// Ends a command.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What was being done, to what, why it failed and what to do.
    pub message: String,
}

impl Failure {
    /// The command line or a file of the user's is wrong.
    pub fn usage(message: impl ToString) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    /// Something that is needed is missing or refused.
    pub fn unusable(message: impl ToString) -> Self {
        Self { exit: Exit::Unusable, message: message.to_string() }
    }

    /// Something is in use by another run.
    pub fn in_use(message: impl ToString) -> Self {
        Self { exit: Exit::InUse, message: message.to_string() }
    }

    /// A service or too many workers were lost.
    pub fn lost(message: impl ToString) -> Self {
        Self { exit: Exit::Lost, message: message.to_string() }
    }

    /// Stopped on request.
    pub fn interrupted(message: impl ToString) -> Self {
        Self { exit: Exit::Interrupted, message: message.to_string() }
    }

    /// A defect of Steno.
    pub fn internal(message: impl ToString) -> Self {
        Self { exit: Exit::Internal, message: message.to_string() }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        match error.kind() {
            StorageErrorKind::Unreachable => Self::lost(error),
            StorageErrorKind::NotFound
            | StorageErrorKind::Denied
            | StorageErrorKind::Credentials
            | StorageErrorKind::BucketMissing
            | StorageErrorKind::Changed
            | StorageErrorKind::TooLarge
            | StorageErrorKind::NoSpace
            | StorageErrorKind::InvalidKey
            | StorageErrorKind::Other => Self::unusable(error),
        }
    }
}

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        Self { exit: error.exit(), message: error.to_string() }
    }
}

impl From<LeaseError> for Failure {
    fn from(error: LeaseError) -> Self {
        if error.is_retryable() { Self::lost(error) } else { Self::unusable(error) }
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self { exit: error.exit(), message: error.to_string() }
    }
}

/// What an error comes down to: that no such host is known, or that nobody listens there.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> &dyn std::error::Error {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}
