//! What a user asks of `steno run`.

use std::path::PathBuf;
use std::time::Duration;

use crate::existing::Existing;
use steno_shared::batch::Splitting;
use steno_shared::leases::RedisConfig;
use steno_shared::options::TranscribeOptions;
use steno_shared::storage::{Location, S3Config};
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::Format;
use steno_shared::worker_config::Device;

/// What writes the text.
#[derive(Debug, Clone, PartialEq)]
pub enum Engine {
    /// CTranslate2, with the model in this folder; absolute.
    Ctranslate2 {
        /// The folder.
        model: PathBuf,
    },
    /// None: words that follow from a recording's bytes, in a stated time.
    Simulated {
        /// Seconds of audio in a second of a worker's time: of the first worker, the second, and so on, and from the first again.
        speeds: Vec<f64>,
    },
}

/// What a user asks of `steno run`.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// Where the recordings are; absolute if a folder.
    pub input: Location,
    /// Where the transcripts go; absolute if a folder.
    pub output: Location,
    /// What writes the text.
    pub engine: Engine,
    /// A manifest instead of a listing of the input.
    pub manifest: Option<PathBuf>,
    /// Worker processes; `None` for what suits the machine.
    pub workers: Option<u32>,
    /// Engine threads of each worker; `None` for what suits the machine.
    pub threads: Option<usize>,
    /// Windows of a batch; `None` for what suits the device.
    pub batch_size: Option<usize>,
    /// Where the engine runs.
    pub device: Device,
    /// How long the engine may go without finishing a window.
    pub stall_limit: Duration,
    /// What decides the text.
    pub options: TranscribeOptions,
    /// The files to write, JSON among them.
    pub formats: Vec<Format>,
    /// How subtitles are laid out.
    pub subtitles: SubtitleLayout,
    /// The state folder, if the user names one.
    pub state: Option<PathBuf>,
    /// The Redis to keep the leases in; `None` for a private one.
    pub redis: Option<RedisConfig>,
    /// What to do about transcripts made with other settings.
    pub existing: Existing,
    /// Which recordings are worked on in parts.
    pub splitting: Splitting,
    /// Longest recording that is accepted, in seconds.
    pub longest_seconds: u64,
    /// How to reach S3.
    pub s3: S3Config,
}

impl RunRequest {
    /// Whether a GPU may be used.
    #[must_use]
    pub fn uses_gpu(&self) -> bool {
        match (&self.engine, self.device) {
            (Engine::Ctranslate2 { .. }, Device::Auto | Device::Cuda) => true,
            (Engine::Ctranslate2 { .. }, Device::Cpu) | (Engine::Simulated { .. }, _) => false,
        }
    }
}
