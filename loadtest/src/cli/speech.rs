//! The options of a backlog of speech.

use clap::Args;
use steno_coordinator::failure::Failure;
use steno_coordinator::programs::Programs;
use steno_shared::storage::{Location, Store};

use super::drawn::DrawnArguments;
use crate::generate::Written;
use crate::speech::{Condition, Format, Recipe, Voice, check_encoders, check_voice, write};

#[derive(Debug, Args)]
#[command(next_help_heading = "Speech")]
pub(super) struct SpeechArguments {
    /// Make recordings of synthetic speech, by espeak-ng and ffmpeg. Sentences are spoken until the drawn length is reached; the last
    /// one is whole.
    #[arg(long, requires = "references")]
    pub(super) speech: bool,
    /// Folder or s3://bucket/prefix to write what is said into: one JSON file for each recording.
    #[arg(long, value_name = "PLACE", requires = "speech")]
    pub(super) references: Option<Location>,
    /// Voices of espeak-ng whose name begins with en, de, es or fr, the language; each recording has one of them.
    #[arg(long, value_name = "VOICE,…", value_delimiter = ',', default_value = "en-us", requires = "speech")]
    voices: Vec<Voice>,
    /// Formats; each recording comes in one of them.
    #[arg(
        long,
        value_name = "FORMAT,…",
        value_delimiter = ',',
        value_enum,
        default_value = "flac",
        requires = "speech"
    )]
    formats: Vec<Format>,
    /// What the recordings suffer from; each has one of these: clean, noise:DB, music:DB (how much louder the speech is),
    /// silence:SECONDS (between sentences, on average), telephone (300 to 3,400 Hz), or several, as telephone+noise:10.
    #[arg(
        long,
        value_name = "CONDITION,…",
        value_delimiter = ',',
        default_value = "clean",
        requires = "speech"
    )]
    conditions: Vec<Condition>,
}

impl SpeechArguments {
    /// Writes a backlog of these lengths.
    pub(super) async fn write(
        &self,
        drawn: &DrawnArguments,
        seconds: Vec<f64>,
        recordings: &Store,
        references: &Store,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Written, Failure> {
        let ffmpeg = Programs::find_ffmpeg()?;
        check_encoders(&ffmpeg, &self.formats)?;
        self.voices.iter().try_for_each(check_voice)?;
        let recipe = Recipe {
            seed: drawn.seed,
            lengths: drawn.lengths.to_string(),
            seconds,
            voices: self.voices.clone(),
            formats: self.formats.clone(),
            conditions: self.conditions.clone(),
        };
        write(&recipe, &ffmpeg, recordings, references, progress).await
    }
}
