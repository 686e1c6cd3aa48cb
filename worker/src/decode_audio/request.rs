//! What is asked of the decoder and what it gives.

use std::ops::Range;
use std::path::{Path, PathBuf};

use steno_shared::worker_config::WorkLimits;

use super::confine::Confine;
use crate::features::SAMPLE_RATE;
use crate::pcm::Pcm;

/// An ffmpeg that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ffmpeg {
    /// The program, 6.0 or later.
    pub program: PathBuf,
    /// The program whose `decode-audio` subcommand is [`super::child::run`]: the worker itself.
    pub worker: PathBuf,
    /// How it is confined.
    pub confine: Confine,
}

/// A recording to decode.
#[derive(Debug, Clone)]
pub struct DecodeRequest<'a> {
    /// The recording.
    pub path: &'a Path,
    /// The length that its header tells, in seconds, if it tells one. A much shorter result gives a warning.
    pub expected_seconds: Option<f64>,
    /// What of it is wanted.
    pub wanted: Wanted,
    /// The decoder.
    pub ffmpeg: &'a Ffmpeg,
    /// Folder for the samples of long recordings.
    pub spool: &'a Path,
    /// Bounds.
    pub limits: DecodeLimits,
}

/// What of a recording is wanted, in samples from its start. It is decoded from there in any case: seeking is not exact in most formats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Decoded, but not kept.
    pub without: Range<usize>,
    /// Where decoding may stop; `None` for the recording's end.
    pub until: Option<usize>,
}

/// Bounds on decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Longest audio, in seconds.
    pub audio_seconds: u64,
    /// Longest wall and processor time, in seconds.
    pub decode_seconds: u64,
    /// Largest address space of the decoder, in bytes.
    pub memory_bytes: u64,
}

impl From<WorkLimits> for DecodeLimits {
    fn from(limits: WorkLimits) -> Self {
        Self {
            audio_seconds: limits.audio_seconds,
            decode_seconds: limits.decode_seconds,
            memory_bytes: limits.decode_memory_bytes,
        }
    }
}

/// A recording's samples.
#[derive(Debug)]
pub struct DecodedAudio {
    /// 16 kHz mono, full scale ±32768; at least one sample, unless only a part was wanted.
    pub pcm: Pcm,
    /// How many samples were decoded, those that are not kept among them.
    pub n_decoded: usize,
    /// What a reader of the transcript should know: a cut-off file, invalid frames. Empty when all is well.
    pub warnings: Vec<String>,
}

impl DecodedAudio {
    /// Length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.pcm.seconds()
    }
}

/// How far decoding is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodeProgress {
    /// Audio decoded, in seconds.
    pub seconds: f64,
}

pub(super) fn seconds(samples: usize) -> f64 {
    samples as f64 / SAMPLE_RATE as f64
}
