//! The transcript as it is published: `schema/transcript-1.schema.json` describes the same form.

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;

/// Version of the transcript's form; grows when a reader of the old form would misread the new one.
pub const SCHEMA_VERSION: u32 = 1;

/// A recording's transcript. Its first fields are those of the tutorial's transcript, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The recording's name, relative to the input.
    pub filename: String,
    /// Language code of the speech: given, or detected.
    pub language: String,
    /// Probability of that language, 0 to 1; 1 when it was given or the model knows only one.
    pub language_probability: f64,
    /// The text, in order of time.
    pub segments: Vec<Segment>,
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Length of the decoded audio in seconds.
    pub duration: f64,
    /// Length of what holds speech, in seconds, if the rest was left out before transcribing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_after_vad: Option<f64>,
    /// What a reader should know: a cut-off file, invalid frames. Empty when all is well.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// How this transcript came to be.
    pub provenance: Provenance,
}

/// A piece of text with its times and quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Start in seconds from the recording's start.
    pub start: f64,
    /// End in seconds.
    pub end: f64,
    /// The text, with the leading space that Whisper writes.
    pub text: String,
    /// Average log probability of the window's tokens, at most 0.
    pub avg_logprob: f64,
    /// Probability that the window holds no speech, 0 to 1.
    pub no_speech_prob: f64,
    /// Size of the window's text over its zlib-compressed size.
    pub compression_ratio: f64,
    /// Temperature at which the window was generated, 0 to 1.
    pub temperature: f64,
    /// The segment's words with their times, when they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<Word>>,
}

/// A word with its times, punctuation included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Start in seconds from the recording's start.
    pub start: f64,
    /// End in seconds.
    pub end: f64,
    /// The word, with the leading space that Whisper writes where its language has spaces.
    pub word: String,
    /// Probability of its tokens, on average, 0 to 1.
    pub probability: f64,
}

/// Where a transcript comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Which audio, model and options this was made from; equal fingerprints are never transcribed twice.
    pub fingerprint: Fingerprint,
    /// The audio's version tag in its store.
    pub audio_etag: String,
    /// Size of the recording in bytes.
    pub audio_bytes: u64,
    /// The model folder's name.
    pub model: String,
    /// SHA-256 over the model's files.
    pub model_hash: String,
    /// SHA-256 over the options that differ from their defaults.
    pub options_hash: String,
    /// Steno and engine with their versions.
    pub engine: String,
    /// `cpu` or `cuda`.
    pub device: String,
    /// Which attempt at the recording this was, counted from 1.
    pub attempt: u32,
}

impl Transcript {
    /// The bytes that are published: indented JSON with a final newline.
    ///
    /// # Errors
    /// Only if a number is not finite, which JSON cannot hold.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// The part of a published transcript that tells whether it answers the question at hand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PublishedHead {
    /// The recording's name, relative to the input.
    pub filename: String,
    /// How the transcript came to be.
    pub provenance: Provenance,
    /// Length of the decoded audio in seconds.
    pub duration: f64,
}

/// A file format that a transcript is written in beside JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The transcript itself; always written.
    Json,
    /// Text, a line a segment.
    Txt,
    /// `SubRip` subtitles.
    Srt,
    /// `WebVTT` subtitles.
    Vtt,
    /// Tab-separated: start and end in milliseconds, text.
    Tsv,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Json, Self::Txt, Self::Srt, Self::Vtt, Self::Tsv];

    /// The file extension, which is also the format's name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Txt => "txt",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Tsv => "tsv",
        }
    }

    /// The media type for the object store.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Txt => "text/plain; charset=utf-8",
            Self::Srt => "application/x-subrip",
            Self::Vtt => "text/vtt",
            Self::Tsv => "text/tab-separated-values",
        }
    }
}
