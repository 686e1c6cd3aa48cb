//! What went wrong in a stage of the pipeline, by what is done about it.

use steno_shared::exit::Exit;
use steno_shared::leases::LeaseError;
use steno_shared::storage::{StorageError, StorageErrorKind};

use crate::decode_audio::DecodeError;
use crate::disposition::Disposition;
use crate::engine::EngineError;
use crate::vad::VadError;

/// What went wrong with one recording, by what the worker does next.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The recording itself cannot be transcribed; another attempt would fail alike.
    #[error("{0}")]
    Poison(String),
    /// Another attempt may succeed.
    #[error("{0}")]
    Retry(String),
    /// The worker was told to stop; the recording goes back unharmed.
    #[error("interrupted")]
    Interrupted,
    /// A service is away; the recording goes back unharmed and the worker waits.
    #[error("{0}")]
    Outage(String),
    /// The worker cannot work at all.
    #[error("{message}")]
    Fatal {
        /// The exit code to end with.
        exit: Exit,
        /// What the user should know and do.
        message: String,
    },
}

/// Which side of the work a storage error concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Reading the recording.
    Input,
    /// Writing the transcript.
    Output,
}

impl StageError {
    /// A storage error in the reading or writing of one recording.
    #[must_use]
    pub fn from_storage(side: Side, error: &StorageError) -> Self {
        let message = error.to_string();
        let fatal = |message| Self::Fatal { exit: Exit::Unusable, message };
        match (error.kind(), side) {
            (StorageErrorKind::NotFound, Side::Input) => {
                Self::Poison(format!("{message}; it was there when the batch was planned"))
            }
            (StorageErrorKind::Changed | StorageErrorKind::TooLarge | StorageErrorKind::InvalidKey, _)
            | (StorageErrorKind::Denied, Side::Input) => Self::Poison(message),
            (StorageErrorKind::Denied | StorageErrorKind::NotFound, Side::Output)
            | (
                StorageErrorKind::Credentials | StorageErrorKind::BucketMissing | StorageErrorKind::NoSpace,
                _,
            ) => fatal(message),
            (StorageErrorKind::Unreachable, _) => Self::Outage(message),
            (StorageErrorKind::Other, _) => Self::Retry(message),
        }
    }

    /// An error of the decoder or the engine; `exit` is how the worker ends when it is one that ends it.
    fn from_disposition(disposition: Disposition, exit: Exit, message: String) -> Self {
        match disposition {
            Disposition::Poison => Self::Poison(message),
            Disposition::Retry => Self::Retry(message),
            Disposition::Fatal => Self::Fatal { exit, message },
            Disposition::Interrupted => Self::Interrupted,
        }
    }

    /// A decoding error.
    #[must_use]
    pub fn from_decode(error: &DecodeError) -> Self {
        Self::from_disposition(error.disposition(), Exit::Unusable, error.to_string())
    }

    /// An error of finding speech.
    #[must_use]
    pub fn from_vad(error: &VadError) -> Self {
        Self::from_disposition(error.disposition(), Exit::Unusable, error.to_string())
    }

    /// An engine error.
    #[must_use]
    pub fn from_engine(error: &EngineError) -> Self {
        Self::from_disposition(error.disposition(), error.exit(), error.to_string())
    }

    /// A lease error while a recording is in hand.
    #[must_use]
    pub fn from_lease(error: &LeaseError) -> Self {
        if error.may_pass() {
            Self::Outage(error.to_string())
        } else {
            Self::Fatal { exit: Exit::Unusable, message: error.to_string() }
        }
    }
}
