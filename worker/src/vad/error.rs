//! What voice activity detection fails with.

use std::io;

use thiserror::Error;

use crate::disposition::Disposition;

/// An error of finding speech.
#[derive(Debug, Error)]
pub enum VadError {
    /// The progress callback asked to stop.
    #[error("finding speech stopped on request after {seconds:.0} s of audio")]
    Interrupted {
        /// Audio looked at, in seconds.
        seconds: f64,
    },
    /// The model within this program cannot be made ready.
    #[error("cannot load the voice detection model that is part of this program: {reason}; install it again")]
    Load {
        /// What the inference library said.
        reason: String,
    },
    /// The model failed on some samples.
    #[error("voice detection failed at {seconds:.0} s of audio: {reason}; try again, or without vad_filter")]
    Failed {
        /// Where, in seconds.
        seconds: f64,
        /// What the inference library said.
        reason: String,
    },
    /// The samples of a long recording cannot be read back.
    #[error("cannot read decoded audio back from the spool folder to find speech in it: {0}; check the disk")]
    Spool(#[from] io::Error),
}

impl VadError {
    /// What the worker does next.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Interrupted { .. } => Disposition::Interrupted,
            Self::Load { .. } => Disposition::Fatal,
            Self::Failed { .. } | Self::Spool(_) => Disposition::Retry,
        }
    }
}
