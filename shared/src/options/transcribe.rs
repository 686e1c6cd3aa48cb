//! Transcription options: what faster-whisper's `transcribe()` calls by the same names, with the same defaults.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::VadParameters;
use crate::fingerprint::hex;

/// What decides a transcript's text, beside the audio and the model.
///
/// Names, meanings and defaults are those of faster-whisper 1.2.1's `transcribe()`; where its two modes differ in a
/// default, `None` stands for the mode's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TranscribeOptions {
    /// Windows from all recordings side by side, or one after the other as the reference's `WhisperModel` does.
    pub mode: Mode,
    /// Language code (`en`, `de`, …); `None` detects it.
    pub language: Option<String>,
    /// Transcribe in the spoken language or translate to English.
    pub task: Task,
    /// Detect the language anew in each window.
    pub multilingual: bool,
    /// Numeric type of the model's weights and computation.
    pub compute_type: ComputeType,
    /// Beam size at temperature 0.
    pub beam_size: usize,
    /// Hypotheses sampled at temperatures above 0.
    pub best_of: usize,
    /// Beam search patience factor.
    pub patience: f64,
    /// Exponential length penalty of beam search.
    pub length_penalty: f64,
    /// Penalty on tokens already generated; 1 is none.
    pub repetition_penalty: f64,
    /// Size of n-grams that may not repeat; 0 is none.
    pub no_repeat_ngram_size: usize,
    /// Temperatures tried in turn.
    #[serde(alias = "temperatures")]
    pub temperature: Vec<f64>,
    /// A window compressing better than this is a repetition and tried again; `None` never is.
    pub compression_ratio_threshold: Option<f64>,
    /// A window with a lower average log probability is tried again; `None` never is.
    pub log_prob_threshold: Option<f64>,
    /// A window above this no-speech probability is silence, unless its log probability is good; `None` never is.
    pub no_speech_threshold: Option<f64>,
    /// Give the previous window's text as the prompt of the next (sequential mode).
    pub condition_on_previous_text: bool,
    /// Forget the previous text after a window that needed a temperature above this.
    pub prompt_reset_on_temperature: f64,
    /// Text given as the prompt of the first window; in batched mode, of each.
    pub initial_prompt: Option<String>,
    /// Text that the first window's transcript begins with.
    pub prefix: Option<String>,
    /// Words to expect, put before each window's prompt but one that has a prefix.
    pub hotwords: Option<String>,
    /// Suppress blank outputs at the start of sampling.
    pub suppress_blank: bool,
    /// Token ids to suppress; -1 stands for the non-speech symbols.
    pub suppress_tokens: Vec<i32>,
    /// Write no timestamps within a window.
    pub without_timestamps: bool,
    /// Where the times of segments come from (Steno's own).
    pub segment_times: SegmentTimes,
    /// Latest first timestamp of a window, in seconds.
    pub max_initial_timestamp: f64,
    /// Find the time of each word.
    pub word_timestamps: bool,
    /// Punctuation that belongs to the word after it.
    pub prepend_punctuations: String,
    /// Punctuation that belongs to the word before it.
    pub append_punctuations: String,
    /// Leave out what holds no speech; by default on in batched mode and off in sequential mode.
    pub vad_filter: Option<bool>,
    /// How speech is told from silence.
    pub vad_parameters: VadParameters,
    /// Most tokens generated for a window; `None` is as many as the model's context holds.
    pub max_new_tokens: Option<usize>,
    /// Length of a window in seconds, 1 to 30; `None` is 30.
    pub chunk_length: Option<usize>,
    /// Start, end, start, end, … in seconds of the parts to transcribe; a last start without an end goes to the
    /// recording's end. Empty is the whole recording.
    pub clip_timestamps: Vec<f64>,
    /// With word times: pass over silences longer than this, in seconds, around text that is probably made up.
    pub hallucination_silence_threshold: Option<f64>,
    /// A language more probable than this in one window is the recording's.
    pub language_detection_threshold: f64,
    /// How many windows are looked at for the language.
    pub language_detection_segments: usize,
}

/// How windows follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Windows of speech of all recordings in flight, many at a time, each for itself.
    #[default]
    Batched,
    /// One window after the other, each with the text before it: what faster-whisper's `WhisperModel` does.
    Sequential,
}

/// Where the times of a window's segments come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SegmentTimes {
    /// The model writes timestamps among the words.
    #[default]
    Generated,
    /// The model writes words alone; they are aligned with the audio, and a segment is a sentence.
    Aligned,
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
            mode: Mode::Batched,
            language: None,
            task: Task::Transcribe,
            multilingual: false,
            compute_type: ComputeType::Default,
            beam_size: 5,
            best_of: 5,
            patience: 1.0,
            length_penalty: 1.0,
            repetition_penalty: 1.0,
            no_repeat_ngram_size: 0,
            temperature: vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
            compression_ratio_threshold: Some(2.4),
            log_prob_threshold: Some(-1.0),
            no_speech_threshold: Some(0.6),
            condition_on_previous_text: true,
            prompt_reset_on_temperature: 0.5,
            initial_prompt: None,
            prefix: None,
            hotwords: None,
            suppress_blank: true,
            suppress_tokens: vec![-1],
            without_timestamps: false,
            segment_times: SegmentTimes::Generated,
            max_initial_timestamp: 1.0,
            word_timestamps: false,
            prepend_punctuations: "\"'“¿([{-".to_owned(),
            append_punctuations: "\"'.。,，!！?？:：”)]}、".to_owned(),
            vad_filter: None,
            vad_parameters: VadParameters::default(),
            max_new_tokens: None,
            chunk_length: None,
            clip_timestamps: Vec::new(),
            hallucination_silence_threshold: None,
            language_detection_threshold: 0.5,
            language_detection_segments: 1,
        }
    }
}

impl TranscribeOptions {
    /// The defaults of sequential mode.
    #[must_use]
    pub fn sequential() -> Self {
        Self { mode: Mode::Sequential, ..Self::default() }
    }

    /// Whether silence is left out before the model hears it.
    #[must_use]
    pub fn filters_silence(&self) -> bool {
        self.vad_filter.unwrap_or(self.mode == Mode::Batched)
    }

    /// Whether that is so for this recording: who names the parts to transcribe wants them as they are.
    #[must_use]
    pub fn leaves_silence_out(&self) -> bool {
        self.filters_silence() && self.clip_timestamps.is_empty()
    }

    /// Whether the model writes timestamps.
    #[must_use]
    pub fn writes_timestamps(&self) -> bool {
        !self.without_timestamps && self.segment_times == SegmentTimes::Generated
    }

    /// Whether words are aligned with the audio, be they wanted in the transcript or not.
    #[must_use]
    pub fn aligns_words(&self) -> bool {
        self.word_timestamps || self.segment_times == SegmentTimes::Aligned
    }

    /// Length of a window in seconds.
    #[must_use]
    pub fn window_seconds(&self) -> usize {
        self.chunk_length.unwrap_or(30)
    }

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
