//! Many windows at a time: what the batched pipeline asks of a model.

use steno_shared::options::TranscribeOptions;

use super::align::Alignment;
use super::error::NativeError;
use super::speech_model::{Encoded, Generated, SpeechModel, native_options};
use crate::features::WINDOW_FRAMES;
use crate::transcribe::LanguageGuess;

/// A model that takes windows side by side. [`SpeechModel`] is the one; tests put failures before it.
pub trait WindowModel {
    /// The encoder's output for some windows; it stays on the model's device and cannot be taken apart.
    type Encoded;

    /// Encodes `n_windows` windows of log-mel features, `[n_windows, n_mels, 3000]`, f32, row-major.
    ///
    /// # Errors
    /// When the device fails.
    fn encode_windows(&self, features: Vec<f32>, n_windows: usize) -> Result<Self::Encoded, NativeError>;

    /// The most probable language of each encoded window. The model must be multilingual.
    ///
    /// # Errors
    /// When the device fails.
    fn detect_languages(&self, encoded: &Self::Encoded) -> Result<Vec<LanguageGuess>, NativeError>;

    /// Writes the text of each encoded window from its prompt, at one temperature. All prompts must have the start of
    /// transcript at the same place and be of one length.
    ///
    /// # Errors
    /// When the device fails.
    fn generate_windows(
        &self,
        encoded: &Self::Encoded,
        prompts: &[Vec<&str>],
        temperature: f64,
        suppress_tokens: &[i32],
        options: &TranscribeOptions,
    ) -> Result<Vec<Generated>, NativeError>;

    /// Aligns the text of each encoded window with its audio; see [`SpeechModel::align`].
    ///
    /// # Errors
    /// When the model cannot align, or the device fails.
    fn align_windows(
        &self,
        encoded: &Self::Encoded,
        start_sequence: &[u32],
        text_tokens: &[Vec<u32>],
        n_frames: &[usize],
    ) -> Result<Vec<Alignment>, NativeError>;
}

impl WindowModel for SpeechModel {
    type Encoded = Encoded;

    fn encode_windows(&self, features: Vec<f32>, n_windows: usize) -> Result<Encoded, NativeError> {
        self.encode_shape(features, n_windows, WINDOW_FRAMES)
    }

    fn detect_languages(&self, encoded: &Encoded) -> Result<Vec<LanguageGuess>, NativeError> {
        let doing = "detecting the language";
        let windows = self
            .timed(doing, encoded.n_windows, || self.whisper.detect_language(&encoded.view))
            .map_err(|reason| self.failed(doing, &reason))?;
        windows
            .into_iter()
            .map(|window| {
                let best = window.into_iter().next().ok_or_else(|| self.incomplete(doing, "language"))?;
                let language = best.language.trim_start_matches("<|").trim_end_matches("|>").to_owned();
                Ok(LanguageGuess { language, probability: f64::from(best.probability) })
            })
            .collect()
    }

    fn generate_windows(
        &self,
        encoded: &Encoded,
        prompts: &[Vec<&str>],
        temperature: f64,
        suppress_tokens: &[i32],
        options: &TranscribeOptions,
    ) -> Result<Vec<Generated>, NativeError> {
        let doing = "generating";
        let prompt_length = prompts.iter().map(Vec::len).max().unwrap_or(0);
        let options = native_options(prompt_length, temperature, suppress_tokens, options);
        let windows = self
            .timed(&format!("generating at {temperature}"), encoded.n_windows, || {
                self.whisper.generate(&encoded.view, prompts, &options)
            })
            .map_err(|reason| self.failed(doing, &reason))?;
        if windows.len() != prompts.len() {
            return Err(self.incomplete(doing, "text of a window"));
        }
        let generated = windows.into_iter().map(|window| {
            let tokens = window.sequences_ids.first().ok_or_else(|| self.incomplete(doing, "sequence"))?;
            let tokens: Result<Vec<u32>, _> = tokens.iter().map(|&id| u32::try_from(id)).collect();
            Ok(Generated {
                tokens: tokens.map_err(|_| self.incomplete(doing, "token id below 2^32"))?,
                score: *window.scores.first().ok_or_else(|| self.incomplete(doing, "score"))?,
                no_speech_prob: window.no_speech_prob,
            })
        });
        generated.collect()
    }

    fn align_windows(
        &self,
        encoded: &Encoded,
        start_sequence: &[u32],
        text_tokens: &[Vec<u32>],
        n_frames: &[usize],
    ) -> Result<Vec<Alignment>, NativeError> {
        self.align(encoded, start_sequence, text_tokens, n_frames)
    }
}
