//! What the transcripts are to be, for the commands that have some made.

use std::path::PathBuf;

use clap::Args;
use serde::de::DeserializeOwned;
use steno_shared::options::TranscribeOptions;
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::Format;

use super::options_arguments::OptionsArguments;
use super::subtitle_arguments::SubtitleArguments;
use crate::existing::Existing;
use crate::failure::Failure;
use crate::options::Settings;

/// What the transcripts are to be.
#[derive(Debug, Args)]
pub(super) struct TranscriptArguments {
    /// Options of transcription in a TOML or JSON file, by the names of the flags below; a flag wins over the file.
    #[arg(long = "options", value_name = "FILE")]
    options_file: Option<PathBuf>,
    /// Files to write for each recording, of json, txt, srt, vtt, tsv; json is always written.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "json", value_parser = named::<Format>)]
    format: Vec<Format>,
    /// Transcripts made with other settings: keep them, or replace them [default: refuse to start].
    #[arg(long, value_name = "keep|replace", value_parser = existing)]
    existing: Option<Existing>,
    #[command(flatten)]
    options: OptionsArguments,
    #[command(flatten)]
    subtitles: SubtitleArguments,
}

/// What a user wants of transcripts, checked.
pub(super) struct Wanted {
    pub(super) options: TranscribeOptions,
    pub(super) formats: Vec<Format>,
    pub(super) subtitles: SubtitleLayout,
    pub(super) existing: Existing,
}

impl TranscriptArguments {
    pub(super) fn wanted(self) -> Result<Wanted, Failure> {
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
        Ok(Wanted { options, formats, subtitles, existing: self.existing.unwrap_or_default() })
    }
}

/// Reads a value by the name that it has in configuration files too.
pub(super) fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|error| error.to_string())
}

fn existing(text: &str) -> Result<Existing, String> {
    match text {
        "keep" => Ok(Existing::Keep),
        "replace" => Ok(Existing::Replace),
        other => Err(format!("`{other}` is neither keep nor replace")),
    }
}
