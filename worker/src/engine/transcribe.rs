//! The sequential pipeline: window after window, each with the text before it as its prompt.

use std::ops::ControlFlow;

use steno_shared::options::{OptionsError, TranscribeOptions};

use super::{Engine, EngineError};
use crate::assemble::{self, Transcription};
use crate::features::{FRAMES_PER_SECOND, LogMel, WINDOW_FRAMES};
use crate::generate::Encoded;
use crate::pcm::Pcm;
use crate::transcribe::{
    Attempt, LanguageGuess, LanguageVote, Verdict, Walk, avg_logprob, best_of_failures, compression_ratio,
    is_silence, judge, prompt,
};

/// How far a transcription is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Audio that is done with, in seconds.
    pub seconds: f64,
    /// Length of the audio in seconds.
    pub total_seconds: f64,
    /// How often the decoder has run: it grows within a window that several temperatures are tried on.
    pub generations: u64,
}

/// Told before the first window, after each temperature tried and after each window; may ask to stop.
type Report<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

impl Engine {
    /// Transcribes a recording of 16 kHz mono samples, as faster-whisper's sequential mode does.
    ///
    /// `progress` is called before the first window and after each generation and window; when it breaks, the
    /// transcription stops there with [`EngineError::Interrupted`].
    ///
    /// # Errors
    /// When options and model do not agree, the engine fails, or it was stopped.
    pub fn transcribe(
        &mut self,
        pcm: &Pcm,
        options: &TranscribeOptions,
        progress: Report<'_>,
    ) -> Result<Transcription, EngineError> {
        self.check_options(options)?;
        let mut recording = Recording {
            log_mel: LogMel::new(pcm, self.filters.clone())?,
            duration: pcm.seconds(),
            seek: 0,
            generations: 0,
            progress,
        };
        recording.report()?;
        let (language, mut first) = self.language(&mut recording, options)?;
        let language_and_task = self.language_and_task(&language.language, options.task)?;
        let suppressed = self.tokenizer.suppressed(&options.suppress_tokens);
        let initial = match &options.initial_prompt {
            Some(text) => self.tokenizer.encode_prompt(text)?,
            None => Vec::new(),
        };
        let mut walk = Walk::new(recording.log_mel.content_frames(), initial);
        let mut segments = Vec::new();
        while let Some(window) = walk.window() {
            let encoded = match first.take() {
                Some(encoded) => encoded,
                None => self.model.encode(recording.log_mel.window(window.seek, window.size)?)?,
            };
            let prompt = prompt(self.tokenizer.special(), window.previous, &language_and_task);
            let attempt = self.generate(&encoded, &prompt, &suppressed, options, &mut recording)?;
            if is_silence(&attempt, options) {
                walk.skip();
            } else {
                let cuts = walk.accept(
                    self.tokenizer.special(),
                    options,
                    &attempt.tokens,
                    attempt.temperature,
                    |tokens| self.tokenizer.decode(tokens),
                )?;
                segments.extend(cuts.into_iter().map(|(cut, text)| assemble::segment(&cut, text, &attempt)));
            }
            recording.seek = walk.seek();
            recording.report()?;
        }
        Ok(Transcription {
            language: language.language,
            language_probability: language.probability,
            duration: recording.duration,
            segments,
        })
    }

    /// The language, and the first window's encoding if finding it out took one.
    ///
    /// The reference encodes the first window twice, for a recording shorter than the window with one more frame
    /// when it detects the language. Here it is encoded once, as for generating.
    fn language(
        &self,
        recording: &mut Recording<'_>,
        options: &TranscribeOptions,
    ) -> Result<(LanguageGuess, Option<Encoded>), EngineError> {
        if let Some(language) = &options.language {
            return Ok((LanguageGuess { language: language.clone(), probability: 1.0 }, None));
        }
        if !self.is_multilingual() {
            return Ok((LanguageGuess { language: "en".to_owned(), probability: 1.0 }, None));
        }
        let content = recording.log_mel.content_frames();
        let encoded = self.model.encode(recording.log_mel.window(0, content.clamp(1, WINDOW_FRAMES))?)?;
        let guess = self.model.detect_language(&encoded)?;
        let mut vote = LanguageVote::default();
        let language = vote.add(guess.clone()).or_else(|| vote.majority()).unwrap_or(guess);
        Ok((language, Some(encoded)))
    }

    /// Tries temperature after temperature until a window's text is good enough.
    fn generate(
        &self,
        encoded: &Encoded,
        prompt: &[u32],
        suppressed: &[i32],
        options: &TranscribeOptions,
        recording: &mut Recording<'_>,
    ) -> Result<Attempt, EngineError> {
        let prompt = self.vocabulary.strings(prompt)?;
        let mut failures = Vec::new();
        for &temperature in &options.temperature {
            let generated = self.model.generate(encoded, &prompt, temperature, suppressed, options)?;
            let text = self.tokenizer.decode(&generated.tokens)?;
            let attempt = Attempt {
                avg_logprob: avg_logprob(generated.score, generated.tokens.len(), options.length_penalty),
                compression_ratio: compression_ratio(text.trim()),
                no_speech_prob: f64::from(generated.no_speech_prob),
                temperature,
                tokens: generated.tokens,
            };
            recording.generations += 1;
            recording.report()?;
            match judge(&attempt, options) {
                Verdict::Accept => return Ok(attempt),
                Verdict::TryAgain => failures.push(attempt),
            }
        }
        best_of_failures(failures, options).ok_or_else(|| {
            OptionsError { name: "temperature", value: "empty".into(), must: "a list of at least one number" }
                .into()
        })
    }
}

/// A recording on its way.
struct Recording<'a> {
    log_mel: LogMel<'a>,
    duration: f64,
    seek: usize,
    generations: u64,
    progress: Report<'a>,
}

impl Recording<'_> {
    fn report(&mut self) -> Result<(), EngineError> {
        let seconds = self.seek as f64 / FRAMES_PER_SECOND as f64;
        let progress = Progress { seconds, total_seconds: self.duration, generations: self.generations };
        match (self.progress)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(EngineError::Interrupted { seconds }),
        }
    }
}
