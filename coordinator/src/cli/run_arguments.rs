//! The arguments of `steno run`.

use std::path::PathBuf;

use clap::Args;
use steno_shared::storage::Location;
use steno_shared::worker_config::Device;

use super::s3_arguments::S3Arguments;
use super::transcript_arguments::{TranscriptArguments, named};
use crate::failure::Failure;
use crate::run::RunRequest;

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Folder or s3://bucket/prefix with the recordings.
    input: Location,
    /// Folder or s3://bucket/prefix for the transcripts.
    #[arg(long, value_name = "OUTPUT")]
    out: Location,
    /// Folder of a Whisper model in CTranslate2's format.
    #[arg(long, value_name = "FOLDER")]
    model: PathBuf,
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
    /// State folder, which a second run needs to go on [default: .steno/<name> here].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
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
        let model = std::path::absolute(&self.model)
            .map_err(|error| Failure::usage(format!("failed to find {}: {error}", self.model.display())))?;
        let wanted = self.transcripts.wanted()?;
        Ok(RunRequest {
            input: absolute(self.input)?,
            output: absolute(self.out)?,
            model,
            manifest: self.manifest,
            workers: self.workers,
            threads: self.threads,
            batch_size: self.batch_size,
            device: self.device,
            options: wanted.options,
            formats: wanted.formats,
            subtitles: wanted.subtitles,
            state: self.state,
            existing: wanted.existing,
            s3: self.s3.config(),
        })
    }
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
