//! A worker's configuration: a file that the coordinator writes and the worker reads once, at its start.
//!
//! It holds no secrets: credentials come by the environment, as the SDK's usual chain finds them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::batch::BatchMeta;
use crate::leases::RedisConfig;
use crate::storage::S3Config;

/// Everything a worker needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    /// What to transcribe, whereto and how.
    pub meta: BatchMeta,
    /// Workers of the batch, this one among them: as many as were started with it. A file of an earlier version has none, and its
    /// worker takes itself to be alone.
    #[serde(default)]
    pub workers: u32,
    /// Where the leases are.
    pub redis: RedisConfig,
    /// How to reach S3, when input or output is a bucket.
    pub s3: S3Config,
    /// What writes the text.
    #[serde(default)]
    pub engine: EngineKind,
    /// The model folder; a simulated engine has none.
    pub model: PathBuf,
    /// Where to run it.
    pub device: Device,
    /// CPU threads of the engine, at least 1.
    pub threads: usize,
    /// Windows of a batch in batched mode; `None` for what suits the device. It changes no text.
    #[serde(default)]
    pub batch_size: Option<usize>,
    /// Folder for recordings being worked on; the worker empties what it put there.
    pub spool: PathBuf,
    /// The ffmpeg program.
    pub ffmpeg: PathBuf,
    /// How long a lease lasts without renewal, in milliseconds.
    pub lease_ms: u64,
    /// How often the worker tells what it is doing, in milliseconds.
    pub report_ms: u64,
    /// Whether a transcript made with other settings is replaced; otherwise its recording fails.
    pub replace_existing: bool,
    /// Bounds on the work for one recording.
    pub limits: WorkLimits,
}

/// What writes the text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum EngineKind {
    /// CTranslate2, with a model.
    #[default]
    Ctranslate2,
    /// None: words that follow from a recording's bytes, in a stated time.
    Simulated {
        /// Seconds of audio in a second of wall time, above 0: of the first worker, the second, and so on, and from the first again.
        speeds: Vec<f64>,
    },
}

impl EngineKind {
    /// Whether no speech is recognised.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated { .. })
    }

    /// A simulated engine's speed on the worker of this number; `None` for a real one.
    #[must_use]
    pub fn simulated_speed(&self, worker: u32) -> Option<f64> {
        match self {
            Self::Ctranslate2 => None,
            Self::Simulated { speeds } => {
                speeds.get(worker as usize % speeds.len().max(1)).copied().or(Some(1.0))
            }
        }
    }
}

/// Bounds on the work for one recording.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkLimits {
    /// Longest audio accepted, in seconds.
    pub audio_seconds: u64,
    /// Largest recording accepted, in bytes.
    pub recording_bytes: u64,
    /// Longest wall time of decoding one recording, in seconds.
    pub decode_seconds: u64,
    /// Address space of the decoder, in bytes.
    pub decode_memory_bytes: u64,
    /// How long the engine may go without finishing a window before the lease is given up, in milliseconds.
    pub stall_ms: u64,
}

/// Longest recording that is accepted unless a user says otherwise, in seconds.
pub const LONGEST_SECONDS: u64 = 12 * 3600;

impl WorkLimits {
    /// For recordings of up to so many seconds: beyond [`LONGEST_SECONDS`] they may be larger, and take longer to decode, in proportion.
    #[must_use]
    pub fn up_to(audio_seconds: u64) -> Self {
        let times = audio_seconds.div_ceil(LONGEST_SECONDS).max(1);
        let standard = Self::default();
        Self {
            audio_seconds,
            recording_bytes: standard.recording_bytes.saturating_mul(times),
            decode_seconds: standard.decode_seconds.saturating_mul(times),
            ..standard
        }
    }
}

impl Default for WorkLimits {
    fn default() -> Self {
        Self {
            audio_seconds: LONGEST_SECONDS,
            recording_bytes: 16 << 30,
            decode_seconds: 1800,
            decode_memory_bytes: 2 << 30,
            stall_ms: 300_000,
        }
    }
}

/// Where the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// CUDA when a GPU is there and works, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA GPU.
    Cuda,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_recordings_may_be_larger_and_decode_for_longer() {
        assert_eq!(WorkLimits::up_to(LONGEST_SECONDS), WorkLimits::default());
        let short = WorkLimits::up_to(60);
        assert_eq!(short, WorkLimits { audio_seconds: 60, ..WorkLimits::default() });
        let day = WorkLimits::up_to(24 * 3600);
        assert_eq!((day.audio_seconds, day.decode_seconds, day.recording_bytes), (86_400, 3600, 32 << 30));
    }
}
