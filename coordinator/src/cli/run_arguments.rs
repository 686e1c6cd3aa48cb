//! The arguments of `steno run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use steno_shared::leases::RedisConfig;
use steno_shared::storage::Location;
use steno_shared::worker_config::{Device, EngineKind, WorkLimits};

use super::engine_arguments::EngineArguments;
use super::s3_arguments::S3Arguments;
use super::transcript_arguments::{TranscriptArguments, named};
use crate::failure::Failure;
use crate::run::{Engine, RunRequest};
use crate::state::check_public_redis_url;

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Folder or s3://bucket/prefix with the recordings.
    input: Location,
    /// Folder or s3://bucket/prefix for the transcripts.
    #[arg(long, value_name = "OUTPUT")]
    out: Location,
    /// Folder of a Whisper model in CTranslate2's format.
    #[arg(long, value_name = "FOLDER", required_unless_present_any = ["engine", "simulated_speed"])]
    model: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
    /// Read names from this manifest (JSON lines, or one name a line) instead of listing the input.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Worker processes [default: one a GPU, else one a core as far as memory allows].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Option<u32>,
    /// Engine threads of each worker [default: the cores divided by the workers].
    #[arg(long, value_name = "N", value_parser = positive)]
    threads: Option<usize>,
    /// Windows of a batch in batched mode [default: 8 on a CPU, 16 on a GPU; halved when memory runs out].
    #[arg(long, value_name = "N", value_parser = positive)]
    batch_size: Option<usize>,
    /// Where the engine runs: auto, cpu or cuda.
    #[arg(long, default_value = "auto", value_parser = named::<Device>)]
    device: Device,
    /// Seconds after which a recording on which nothing moves, not even a window of its text, is taken for stuck and its worker
    /// started anew: more on a slow machine with a large model.
    #[arg(long, value_name = "SECONDS", default_value_t = WorkLimits::default().stall_ms / 1000, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    stall_limit: u64,
    /// State folder, which a second run needs to go on [default: .steno/<name> here].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Keep the leases in this Redis, for example redis://user@host:6379, instead of a private one; its password comes by
    /// STENO_REDIS_PASSWORD.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Print the summary as a JSON object.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    s3: S3Arguments,
    #[command(flatten)]
    transcripts: TranscriptArguments,
}

impl RunArguments {
    pub(super) fn request(self) -> Result<RunRequest, Failure> {
        let absolute = |location: Location| {
            let text = location.to_string();
            location.absolute().map_err(|error| Failure::usage(format!("failed to find {text}: {error}")))
        };
        let engine = engine(self.engine.kind()?, self.model)?;
        let wanted = self.transcripts.wanted()?;
        Ok(RunRequest {
            input: absolute(self.input)?,
            output: absolute(self.out)?,
            engine,
            manifest: self.manifest,
            workers: self.workers,
            threads: self.threads,
            batch_size: self.batch_size,
            device: self.device,
            stall_limit: Duration::from_secs(self.stall_limit),
            options: wanted.options,
            formats: wanted.formats,
            subtitles: wanted.subtitles,
            state: self.state,
            // Not by the parser, which would show what it refuses.
            redis: self.redis.as_deref().map(given_redis).transpose()?,
            existing: wanted.existing,
            splitting: wanted.splitting,
            longest_seconds: wanted.longest_seconds,
            s3: self.s3.config(),
        })
    }
}

fn given_redis(url: &str) -> Result<RedisConfig, Failure> {
    check_public_redis_url(url)
        .map_err(|reason| Failure::usage(format!("--redis cannot be used: {reason}")))?;
    Ok(RedisConfig::new(url))
}

fn engine(kind: EngineKind, model: Option<PathBuf>) -> Result<Engine, Failure> {
    match (kind, model) {
        (EngineKind::Simulated { speeds }, None) => Ok(Engine::Simulated { speeds }),
        (EngineKind::Simulated { .. }, Some(_)) => {
            Err(Failure::usage("--engine simulated has no model: leave out one of it and --model"))
        }
        (EngineKind::Ctranslate2, None) => {
            Err(Failure::usage("--model is missing: name the folder of a model"))
        }
        (EngineKind::Ctranslate2, Some(model)) => {
            let shown = model.display().to_string();
            let model = std::path::absolute(&model)
                .map_err(|error| Failure::usage(format!("failed to find {shown}: {error}")))?;
            Ok(Engine::Ctranslate2 { model })
        }
    }
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
