//! Encoder and decoder of one loaded model.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ct2rs::sys::{Config, LogLevel, StorageView, Whisper, WhisperOptions, set_log_level};
use steno_shared::options::{ComputeType, TranscribeOptions};

use super::busy::Busy;
use super::device::{ChosenDevice, native_compute_type};
use super::error::NativeError;
use super::window_model::WindowModel as _;
use crate::features::WINDOW_FRAMES;
use crate::transcribe::{LanguageGuess, max_length};

/// Seconds of one timestamp token.
const SECONDS_PER_TIMESTAMP: f64 = 0.02;

/// A loaded model. Nothing unloads it but the end of the process.
#[derive(Debug)]
pub struct SpeechModel {
    pub(super) whisper: Whisper,
    device: ChosenDevice,
    busy: Arc<Busy>,
}

/// The encoder's output for some windows; it stays on the model's device.
#[derive(Debug)]
pub struct Encoded {
    pub(super) view: StorageView<'static>,
    pub(super) n_windows: usize,
}

/// What the decoder wrote for one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The best sequence's tokens.
    pub tokens: Vec<u32>,
    /// Its score: the sum of log probabilities over length to the power of the length penalty.
    pub score: f32,
    /// Probability that the window holds no speech.
    pub no_speech_prob: f32,
}

impl SpeechModel {
    /// Loads a model folder; `threads` is the number of CPU threads it computes with.
    ///
    /// # Errors
    /// When the files are damaged, or the device is missing or cannot compute in that type.
    pub fn load(
        model: &Path,
        device: ChosenDevice,
        compute_type: ComputeType,
        threads: usize,
    ) -> Result<Self, NativeError> {
        // Its warnings speak of conversions that compute_type asks for; failures come back as errors.
        set_log_level(LogLevel::Error);
        let (native_type, type_name) = native_compute_type(compute_type);
        let config = Config {
            device: device.native(),
            compute_type: native_type,
            num_threads_per_replica: threads,
            ..Config::default()
        };
        let whisper = Whisper::new(model, config).map_err(|reason| NativeError::Load {
            model: model.to_owned(),
            device: device.as_str(),
            compute_type: type_name,
            reason: reason.to_string(),
        })?;
        Ok(Self { whisper, device, busy: Arc::default() })
    }

    /// Where it runs.
    #[must_use]
    pub fn device(&self) -> ChosenDevice {
        self.device
    }

    /// The time of its native calls.
    #[must_use]
    pub fn busy(&self) -> &Arc<Busy> {
        &self.busy
    }

    /// Mel bins that the encoder takes.
    #[must_use]
    pub fn n_mels(&self) -> usize {
        self.whisper.n_mels()
    }

    /// Whether the model knows several languages.
    #[must_use]
    pub fn is_multilingual(&self) -> bool {
        self.whisper.is_multilingual()
    }

    /// Encodes one window of log-mel features, `[n_mels, 3000]`, f32, row-major.
    ///
    /// # Errors
    /// When the device fails.
    pub fn encode(&self, features: Vec<f32>) -> Result<Encoded, NativeError> {
        self.encode_shape(features, 1, WINDOW_FRAMES)
    }

    /// Encodes the first `n_frames` of a window of log-mel features, `[n_mels, 3000]`. Whisper falls into loops on
    /// windows shorter than 30 s, so this is for tests of the engine alone.
    ///
    /// # Errors
    /// When the device fails.
    pub fn encode_part(&self, window: &[f32], n_frames: usize) -> Result<Encoded, NativeError> {
        let features = window.chunks_exact(WINDOW_FRAMES).flat_map(|row| &row[..n_frames]).copied().collect();
        self.encode_shape(features, 1, n_frames)
    }

    pub(super) fn encode_shape(
        &self,
        mut features: Vec<f32>,
        n_windows: usize,
        n_frames: usize,
    ) -> Result<Encoded, NativeError> {
        let failed = |reason| self.failed("encoding", &reason);
        let shape = [n_windows, self.n_mels(), n_frames];
        let view = StorageView::new(&shape, &mut features, ct2rs::sys::Device::CPU).map_err(failed)?;
        self.timed("encoding", n_windows, || self.whisper.encode(&view, false))
            .map(|view| Encoded { view, n_windows })
            .map_err(failed)
    }

    /// The most probable language of a window. The model must be multilingual.
    ///
    /// # Errors
    /// When the device fails.
    pub fn detect_language(&self, encoded: &Encoded) -> Result<LanguageGuess, NativeError> {
        let first = self.detect_languages(encoded)?.into_iter().next();
        first.ok_or_else(|| self.incomplete("detecting the language", "language"))
    }

    /// Writes a window's text from `prompt` at one temperature: by beam search at 0, by sampling above.
    ///
    /// # Errors
    /// When the device fails.
    pub fn generate(
        &self,
        encoded: &Encoded,
        prompt: &[&str],
        temperature: f64,
        suppress_tokens: &[i32],
        options: &TranscribeOptions,
    ) -> Result<Generated, NativeError> {
        let windows =
            self.generate_windows(encoded, &[prompt.to_vec()], temperature, suppress_tokens, options)?;
        windows.into_iter().next().ok_or_else(|| self.incomplete("generating", "window"))
    }

    /// A native call, which counts as busy time.
    pub(super) fn timed<T>(&self, doing: &str, n_windows: usize, call: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let result = self.busy.time(call);
        let milliseconds = begin.elapsed().as_millis();
        tracing::debug!(doing, n_windows, milliseconds, "engine.call");
        result
    }

    pub(super) fn failed(&self, doing: &'static str, reason: &impl ToString) -> NativeError {
        NativeError::failed(self.device.as_str(), doing, reason)
    }

    pub(super) fn incomplete(&self, doing: &'static str, missing: &'static str) -> NativeError {
        NativeError::Incomplete { device: self.device.as_str(), doing, missing }
    }
}

pub(super) fn native_options(
    prompt_length: usize,
    temperature: f64,
    suppress_tokens: &[i32],
    options: &TranscribeOptions,
) -> WhisperOptions {
    let first_timestamp = (options.max_initial_timestamp / SECONDS_PER_TIMESTAMP).round_ties_even();
    let common = WhisperOptions {
        length_penalty: options.length_penalty as f32,
        repetition_penalty: options.repetition_penalty as f32,
        no_repeat_ngram_size: options.no_repeat_ngram_size,
        max_length: max_length(prompt_length, options.max_new_tokens),
        return_scores: true,
        return_no_speech_prob: true,
        max_initial_timestamp_index: first_timestamp as usize,
        suppress_blank: options.suppress_blank,
        suppress_tokens: suppress_tokens.to_vec(),
        ..WhisperOptions::default()
    };
    if temperature > 0.0 {
        WhisperOptions {
            beam_size: 1,
            num_hypotheses: options.best_of,
            // From the whole distribution, not the likeliest alone.
            sampling_topk: 0,
            sampling_temperature: temperature as f32,
            ..common
        }
    } else {
        WhisperOptions { beam_size: options.beam_size, patience: options.patience as f32, ..common }
    }
}
