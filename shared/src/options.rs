//! Transcription options: what faster-whisper's `transcribe()` calls by the same names, with the same defaults.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fingerprint::hex;

/// What decides a transcript's text, beside the audio and the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TranscribeOptions {
    /// Language code (`en`, `de`, …); `None` detects it.
    pub language: Option<String>,
    /// Transcribe in the spoken language or translate to English.
    pub task: Task,
    /// Numeric type of the model's weights and computation.
    pub compute_type: ComputeType,
    /// Beam size at temperature 0.
    pub beam_size: usize,
    /// Hypotheses sampled at temperatures above 0.
    pub best_of: usize,
    /// Beam search patience factor.
    pub patience: f32,
    /// Exponential length penalty of beam search.
    pub length_penalty: f32,
    /// Penalty on tokens already generated; 1 is none.
    pub repetition_penalty: f32,
    /// Size of n-grams that may not repeat; 0 is none.
    pub no_repeat_ngram_size: usize,
    /// Temperatures tried in turn.
    pub temperatures: Vec<f32>,
    /// A window compressing better than this is a repetition and tried again.
    pub compression_ratio_threshold: f32,
    /// A window with a lower average log probability is tried again.
    pub log_prob_threshold: f32,
    /// A window above this no-speech probability is silence, unless its log probability is good.
    pub no_speech_threshold: f32,
    /// Give the previous window's text as the prompt of the next.
    pub condition_on_previous_text: bool,
    /// Forget the previous text after a window that needed a temperature above this.
    pub prompt_reset_on_temperature: f32,
    /// Text given as the prompt of the first window.
    pub initial_prompt: Option<String>,
    /// Suppress blank outputs at the start of sampling.
    pub suppress_blank: bool,
    /// Token ids to suppress; -1 stands for the non-speech symbols.
    pub suppress_tokens: Vec<i32>,
    /// Latest first timestamp of a window, in seconds.
    pub max_initial_timestamp: f32,
}

/// What to write: the spoken language, or English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Text in the spoken language.
    #[default]
    Transcribe,
    /// Text in English.
    Translate,
}

/// CTranslate2's compute types, by their names there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are CTranslate2's own and say all there is")]
pub enum ComputeType {
    /// The type the model was saved in, or the nearest that the device supports.
    #[default]
    Default,
    /// The fastest type that the device supports.
    Auto,
    Int8,
    Int8Float32,
    Int8Float16,
    Int8Bfloat16,
    Int16,
    Float16,
    Bfloat16,
    Float32,
}

impl Task {
    /// The name, which is also Whisper's token name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transcribe => "transcribe",
            Self::Translate => "translate",
        }
    }
}

impl Default for TranscribeOptions {
    fn default() -> Self {
        Self {
            language: None,
            task: Task::Transcribe,
            compute_type: ComputeType::Default,
            beam_size: 5,
            best_of: 5,
            patience: 1.0,
            length_penalty: 1.0,
            repetition_penalty: 1.0,
            no_repeat_ngram_size: 0,
            temperatures: vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
            compression_ratio_threshold: 2.4,
            log_prob_threshold: -1.0,
            no_speech_threshold: 0.6,
            condition_on_previous_text: true,
            prompt_reset_on_temperature: 0.5,
            initial_prompt: None,
            suppress_blank: true,
            suppress_tokens: vec![-1],
            max_initial_timestamp: 1.0,
        }
    }
}

impl TranscribeOptions {
    /// SHA-256 in hex over the options that differ from their defaults, by name and in order of name.
    ///
    /// An option that a later version adds changes no hash until somebody sets it, so a backlog that is already
    /// transcribed stays so over an upgrade.
    ///
    /// # Errors
    /// Only if a number is not finite, which JSON cannot hold.
    pub fn hash(&self) -> Result<String, serde_json::Error> {
        let own = serde_json::to_value(self)?;
        let default = serde_json::to_value(Self::default())?;
        let changed: std::collections::BTreeMap<_, _> = own
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, value)| default.get(name.as_str()) != Some(value))
            .collect();
        Ok(hex(&Sha256::digest(serde_json::to_vec(&changed)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_changes_with_each_option_and_only_then() {
        let default = TranscribeOptions::default().hash().unwrap();
        assert_eq!(default, hex(&Sha256::digest(b"{}")), "defaults must hash as nothing said");
        let english = TranscribeOptions { language: Some("en".into()), ..Default::default() };
        let int8 = TranscribeOptions { compute_type: ComputeType::Int8, ..Default::default() };
        assert_ne!(english.hash().unwrap(), default);
        assert_ne!(int8.hash().unwrap(), english.hash().unwrap());
    }
}
