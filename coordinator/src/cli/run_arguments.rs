//! The arguments of `steno run`.

use std::path::PathBuf;

use clap::Args;
use serde::de::DeserializeOwned;
use steno_shared::storage::Location;
use steno_shared::transcript::Format;
use steno_shared::worker_config::Device;

use super::options_arguments::OptionsArguments;
use super::s3_arguments::S3Arguments;
use super::subtitle_arguments::SubtitleArguments;
use crate::existing::Existing;
use crate::failure::Failure;
use crate::options::Settings;
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
    /// Options of transcription in a TOML or JSON file, by the names of the flags below; a flag wins over the file.
    #[arg(long = "options", value_name = "FILE")]
    options_file: Option<PathBuf>,
    /// Files to write for each recording, of json, txt, srt, vtt, tsv; json is always written.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "json", value_parser = named::<Format>)]
    format: Vec<Format>,
    /// Transcripts made with other settings: keep them, or replace them [default: refuse to start].
    #[arg(long, value_name = "keep|replace", value_parser = existing)]
    existing: Option<Existing>,
    /// State folder, which a second run needs to go on [default: .steno/<name> here].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Print the summary as a JSON object.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    s3: S3Arguments,
    #[command(flatten)]
    options: OptionsArguments,
    #[command(flatten)]
    subtitles: SubtitleArguments,
}

impl RunArguments {
    pub(super) fn request(self) -> Result<RunRequest, Failure> {
        let absolute = |location: Location| {
            let text = location.to_string();
            location.absolute().map_err(|error| Failure::usage(format!("failed to find {text}: {error}")))
        };
        let model = std::path::absolute(&self.model)
            .map_err(|error| Failure::usage(format!("failed to find {}: {error}", self.model.display())))?;
        let mut settings = match &self.options_file {
            Some(path) => Settings::read(path).map_err(Failure::usage)?,
            None => Settings::default(),
        };
        settings.overlay(self.options.0);
        let options = settings.options().map_err(Failure::usage)?;
        let mut formats = self.format;
        formats.push(Format::Json);
        formats.sort_unstable();
        formats.dedup();
        let subtitles = self.subtitles.layout();
        subtitles.check(&options, &formats).map_err(Failure::usage)?;
        Ok(RunRequest {
            input: absolute(self.input)?,
            output: absolute(self.out)?,
            model,
            manifest: self.manifest,
            workers: self.workers,
            threads: self.threads,
            batch_size: self.batch_size,
            device: self.device,
            options,
            formats,
            subtitles,
            state: self.state,
            existing: self.existing.unwrap_or_default(),
            s3: self.s3.config(),
        })
    }
}

/// Reads a value by the name that it has in configuration files too.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|error| error.to_string())
}

fn existing(text: &str) -> Result<Existing, String> {
    match text {
        "keep" => Ok(Existing::Keep),
        "replace" => Ok(Existing::Replace),
        other => Err(format!("`{other}` is neither keep nor replace")),
    }
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
