//! What was said in recordings, as it is kept for later: one JSON object for each recording.

use serde::{Deserialize, Serialize};
use steno_shared::output_name::transcript_key;
use steno_shared::transcript::Transcript;

/// Among the references: what `steno-loadtest generate` notes of their backlog. It is none of them.
pub(crate) const NOTE_KEY: &str = "backlog.json";

/// What is said in a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The recording's name, relative to the input.
    pub name: String,
    /// Language code.
    pub language: String,
    /// All of it.
    pub text: String,
    /// What the recording suffers from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Who speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// The recording's length in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// Where the reference of a recording is: called as its transcript is.
#[must_use]
pub fn reference_key(recording_name: &str) -> String {
    transcript_key(recording_name, "json")
}

/// What a file among the references may be.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "neither what `steno-loadtest generate --speech` writes nor a transcript")]
pub(super) enum Known {
    Said(Reference),
    /// What another run took it for.
    Heard(Box<Transcript>),
}

impl From<Known> for Reference {
    fn from(known: Known) -> Self {
        match known {
            Known::Said(reference) => reference,
            Known::Heard(transcript) => Self {
                text: text_of(&transcript),
                seconds: Some(transcript.duration),
                name: transcript.filename,
                language: transcript.language,
                condition: None,
                voice: None,
            },
        }
    }
}

/// All that a transcript says.
pub(super) fn text_of(transcript: &Transcript) -> String {
    let segments = transcript.segments.iter().map(|segment| segment.text.as_str());
    segments.collect::<Vec<_>>().join(" ")
}
