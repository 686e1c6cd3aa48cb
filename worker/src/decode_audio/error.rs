//! Why a recording could not be decoded.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::disposition::Disposition;

/// An error of decoding; the messages do not name the recording, which the caller knows by its own name.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// No bytes.
    #[error("the file is empty (0 bytes); upload it again or remove it from the input")]
    Empty,
    /// Nothing that ffmpeg knows, whatever its name.
    #[error(
        "not a recording in any format that ffmpeg knows, or cut off before its index ({message}); \
         check that it plays, and upload it again or remove it"
    )]
    NotAudio {
        /// ffmpeg's words.
        message: String,
    },
    /// A film without sound, a picture.
    #[error("the file has no audio stream; export it with sound or remove it from the input")]
    NoAudioStream,
    /// Audio without a single sample.
    #[error("the file has an audio stream but not one sample could be decoded ({message}); upload it again")]
    NoSamples {
        /// ffmpeg's words.
        message: String,
    },
    /// Longer than allowed.
    #[error("longer than the limit of {limit_seconds} s of audio; cut it, or raise the limit with --longest")]
    TooLong {
        /// The limit.
        limit_seconds: u64,
    },
    /// Decoding takes longer than allowed.
    #[error(
        "decoding took longer than {limit_seconds} s ({decoded_seconds:.0} s of audio done); \
         convert it to a simpler format, or give it more time with --longest"
    )]
    TooSlow {
        /// The limit.
        limit_seconds: u64,
        /// Audio decoded by then.
        decoded_seconds: f64,
    },
    /// The decoder needs more memory than allowed.
    #[error(
        "decoding needs more than {limit_bytes} bytes of memory ({message}); convert it to a simpler format"
    )]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
        /// ffmpeg's words.
        message: String,
    },
    /// The decoder died of the recording.
    #[error("ffmpeg crashed on it (signal {signal}); convert it to another format, or remove it")]
    DecoderCrashed {
        /// The signal's number.
        signal: i32,
    },
    /// The decoder was killed from outside.
    #[error(
        "ffmpeg was killed (signal {signal}), perhaps because the machine is out of memory; tried again later"
    )]
    DecoderKilled {
        /// The signal's number.
        signal: i32,
    },
    /// The file cannot be read here and now.
    #[error("cannot read {path}: {source}; check the disk and the permissions")]
    Unreadable {
        /// The local file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The samples of a long recording could not be kept.
    #[error(
        "cannot write decoded audio to the spool folder {spool}: {source}; make room (115 MB for each hour of audio)"
    )]
    SpoolFailed {
        /// The folder.
        spool: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The decoder could not be started or talked to.
    #[error("cannot run the decoder {program}: {reason}; install ffmpeg 6.0 or later, or run `make setup`")]
    CannotRun {
        /// The program.
        program: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The progress callback asked to stop.
    #[error("stopped on request while decoding, after {seconds:.0} s of audio")]
    Interrupted {
        /// Audio decoded, in seconds.
        seconds: f64,
    },
}

impl DecodeError {
    /// What the worker does next.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Empty
            | Self::NotAudio { .. }
            | Self::NoAudioStream
            | Self::NoSamples { .. }
            | Self::TooLong { .. }
            | Self::TooLarge { .. }
            | Self::DecoderCrashed { .. } => Disposition::Poison,
            // A busy machine may be the cause.
            Self::TooSlow { .. } | Self::DecoderKilled { .. } | Self::Unreadable { .. } => Disposition::Retry,
            Self::Interrupted { .. } => Disposition::Interrupted,
            Self::SpoolFailed { .. } | Self::CannotRun { .. } => Disposition::Fatal,
        }
    }
}
