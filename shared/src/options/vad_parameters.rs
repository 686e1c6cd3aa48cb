//! How speech is told from silence: the reference's `VadOptions`.

use serde::{Deserialize, Serialize};

/// Parameters of voice activity detection, by the reference's names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VadParameters {
    /// A piece of audio with a speech probability of at least this begins speech.
    pub threshold: f64,
    /// A lower probability ends it; `None` is `max(threshold - 0.15, 0.01)`.
    pub neg_threshold: Option<f64>,
    /// Shorter speech is thrown out, in milliseconds.
    pub min_speech_duration_ms: u32,
    /// Longer speech is cut at its last silence of more than 98 ms, else anywhere, in seconds; `None` never is. Batched
    /// mode always takes the length of a window.
    pub max_speech_duration_s: Option<f64>,
    /// Silence shorter than this does not end speech, in milliseconds; `None` is 160 in batched mode and 2000 in
    /// sequential mode.
    pub min_silence_duration_ms: Option<u32>,
    /// How much is added to speech at both ends, in milliseconds.
    pub speech_pad_ms: u32,
}

impl Default for VadParameters {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            neg_threshold: None,
            min_speech_duration_ms: 0,
            max_speech_duration_s: None,
            min_silence_duration_ms: None,
            speech_pad_ms: 400,
        }
    }
}
