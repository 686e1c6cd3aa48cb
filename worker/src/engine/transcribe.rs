//! From samples to a transcription.

use std::ops::ControlFlow;

use steno_shared::options::TranscribeOptions;

use super::{Engine, EngineError};
use crate::assemble::Transcription;
use crate::features::{FRAMES_PER_SECOND, LogMel};
use crate::pcm::Pcm;

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
        let language = self.language(&mut recording, options)?;
        let guess = language.guess.clone();
        let segments = self.walk(&mut recording, language, options)?;
        Ok(Transcription {
            language: guess.language,
            language_probability: guess.probability,
            duration: recording.duration,
            duration_after_vad: None,
            segments,
        })
    }
}

/// A recording on its way.
pub(super) struct Recording<'a> {
    pub(super) log_mel: LogMel<'a>,
    duration: f64,
    seek: usize,
    pub(super) generations: u64,
    progress: Report<'a>,
}

impl Recording<'_> {
    /// Notes that all frames before one are done with. Clips may go back, progress does not.
    pub(super) fn pass(&mut self, frame: usize) {
        self.seek = self.seek.max(frame);
    }

    pub(super) fn report(&mut self) -> Result<(), EngineError> {
        let seconds = self.seek as f64 / FRAMES_PER_SECOND as f64;
        let progress = Progress { seconds, total_seconds: self.duration, generations: self.generations };
        match (self.progress)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(EngineError::Interrupted { seconds }),
        }
    }
}
