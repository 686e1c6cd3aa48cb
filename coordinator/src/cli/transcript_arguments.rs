//! What the transcripts are to be, for the commands that have some made.

use std::path::PathBuf;

use clap::Args;
use serde::de::DeserializeOwned;
use steno_shared::batch::Splitting;
use steno_shared::options::{Mode, TranscribeOptions};
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
    /// Work on long recordings in parts, side by side: auto for those that would keep one worker busy when the others have nothing
    /// left, never, or the longest that is left whole, such as 20m [default: auto in batched mode, never in sequential mode].
    #[arg(long, value_name = "auto|never|LENGTH", value_parser = splitting)]
    split: Option<Splitting>,
    /// Longest recording that is accepted, such as 30h, up to a week; a longer one is failed.
    #[arg(long, value_name = "LENGTH", default_value = LONGEST, value_parser = longest)]
    longest: u64,
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
    pub(super) splitting: Splitting,
    pub(super) longest_seconds: u64,
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
        let splitting = self.split.unwrap_or(match options.mode {
            Mode::Batched => Splitting::Auto,
            // It is chosen for its exactness, and the text before a cut would not be known after it.
            Mode::Sequential => Splitting::Never,
        });
        if splitting != Splitting::Never && self.split.is_some() && !options.clip_timestamps.is_empty() {
            return Err(Failure::usage(
                "--split and --clip-timestamps exclude each other: clips are not split",
            ));
        }
        Ok(Wanted {
            options,
            formats,
            subtitles,
            existing: self.existing.unwrap_or_default(),
            splitting,
            longest_seconds: self.longest,
        })
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

/// Shortest length that recordings may be split at, in seconds: cuts are looked for half a minute around.
const SPLIT_SECONDS_MIN: u64 = 120;

fn splitting(text: &str) -> Result<Splitting, String> {
    match text {
        "auto" => return Ok(Splitting::Auto),
        "never" => return Ok(Splitting::Never),
        _ => {}
    }
    match seconds(text) {
        Some(seconds @ SPLIT_SECONDS_MIN..) => Ok(Splitting::Longest(seconds)),
        Some(_) => Err(format!("must be at least {SPLIT_SECONDS_MIN} s")),
        None => Err("is neither auto, nor never, nor a length such as 1200, 20m or 1h".to_owned()),
    }
}

/// [`LONGEST_SECONDS`](steno_shared::worker_config::LONGEST_SECONDS) as a user writes it.
const LONGEST: &str = "12h";
/// Recordings longer than this are accepted by nobody, in seconds: a week.
const LONGEST_SECONDS_MAX: u64 = 7 * 24 * 3600;

fn longest(text: &str) -> Result<u64, String> {
    match seconds(text) {
        Some(seconds @ 1..=LONGEST_SECONDS_MAX) => Ok(seconds),
        Some(_) => Err("must be from a second to a week (168h)".to_owned()),
        None => Err("is no length such as 43200, 90m or 30h".to_owned()),
    }
}

/// A length of so many seconds, minutes (`20m`) or hours (`1h`).
fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) if text.ends_with('h') => (number, 3600),
        Some(number) if text.ends_with('m') => (number, 60),
        Some(number) => (number, 1),
        None => (text, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_to_split_at_are_read_in_seconds_minutes_and_hours() {
        for (text, read) in [
            ("auto", Splitting::Auto),
            ("never", Splitting::Never),
            ("600", Splitting::Longest(600)),
            ("600s", Splitting::Longest(600)),
            ("20m", Splitting::Longest(1200)),
            ("1h", Splitting::Longest(3600)),
        ] {
            assert_eq!(splitting(text), Ok(read));
        }
        for text in ["", "m", "1m", "119", "-5m", "1.5h", "20 m", "always", "99999999999999999h"] {
            assert!(splitting(text).is_err(), "{text}");
        }
        assert_eq!(longest(LONGEST), Ok(steno_shared::worker_config::LONGEST_SECONDS));
        assert_eq!((longest("12h"), longest("168h"), longest("1")), (Ok(43_200), Ok(604_800), Ok(1)));
        for text in ["", "0", "never", "169h", "1d"] {
            assert!(longest(text).is_err(), "{text}");
        }
    }
}
