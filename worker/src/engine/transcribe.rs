//! From samples to a transcription.

use std::ops::ControlFlow;

use steno_shared::options::TranscribeOptions;
use steno_shared::transcript::Segment;

use super::speech::Speech;
use super::{Engine, EngineError};
use crate::assemble::{self, Transcription};
use crate::features::{FRAMES_PER_SECOND, LogMel};
use crate::pcm::Pcm;
use crate::transcribe::Attempt;
use crate::vad::TimeMap;
use crate::words::DraftSegment;

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
        let begun = Progress { seconds: 0.0, total_seconds: pcm.seconds(), generations: 0 };
        if progress(begun).is_break() {
            return Err(EngineError::Interrupted { seconds: 0.0 });
        }
        // Who names the parts to transcribe wants them as they are.
        let speech = if options.filters_silence() && options.clip_timestamps.is_empty() {
            Some(Speech::find(pcm, options, &mut || progress(begun))?)
        } else {
            None
        };
        let mut recording = Recording {
            log_mel: LogMel::new(speech.as_ref().map_or(pcm, |speech| &speech.pcm), self.filters.clone())?,
            duration: pcm.seconds(),
            seek: 0,
            generations: 0,
            times: speech.as_ref().map(|speech| &speech.times),
            progress,
        };
        let language = self.language(&mut recording, options)?;
        let guess = language.guess.clone();
        let segments = self.walk(&mut recording, language, options)?;
        Ok(Transcription {
            language: guess.language,
            language_probability: guess.probability,
            duration: recording.duration,
            duration_after_vad: speech.as_ref().map(|speech| speech.pcm.seconds()),
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
    /// Where the speech was, if the recording is heard without its silence.
    times: Option<&'a TimeMap>,
    progress: Report<'a>,
}

impl Recording<'_> {
    /// Notes that all frames before one are done with. Clips may go back, progress does not.
    pub(super) fn pass(&mut self, frame: usize) {
        self.seek = self.seek.max(frame);
    }

    pub(super) fn report(&mut self) -> Result<(), EngineError> {
        let heard = self.seek as f64 / FRAMES_PER_SECOND as f64;
        let seconds = match self.times {
            Some(_) if self.seek >= self.log_mel.content_frames() => self.duration,
            Some(times) => times.original_time(heard, None, false).min(self.duration),
            None => heard,
        };
        let progress = Progress { seconds, total_seconds: self.duration, generations: self.generations };
        match (self.progress)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(EngineError::Interrupted { seconds }),
        }
    }

    /// A segment of the transcript, at its times in the whole recording.
    pub(super) fn segment(
        &self,
        draft: DraftSegment,
        text: String,
        attempt: &Attempt,
        options: &TranscribeOptions,
    ) -> Segment {
        let draft = match self.times {
            Some(times) => assemble::restored(draft, times),
            None => draft,
        };
        assemble::segment(draft, text, attempt, options.word_timestamps)
    }
}
