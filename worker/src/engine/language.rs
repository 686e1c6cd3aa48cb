//! The language of a recording.

use steno_shared::options::{OptionsError, TranscribeOptions};

use super::transcribe::Recording;
use super::{Engine, EngineError};
use crate::generate::Encoded;
use crate::transcribe::{LanguageGuess, LanguageVote, detection_windows};

/// A recording's language, and the window it was first looked for in.
pub(super) struct Language {
    pub(super) guess: LanguageGuess,
    pub(super) first: Option<EncodedWindow>,
}

/// A window's encoding, kept for when text is generated from the same window.
pub(super) struct EncodedWindow {
    /// First frame and number of frames.
    pub(super) frames: (usize, usize),
    pub(super) encoded: Encoded,
    /// What this window alone sounds like.
    pub(super) guess: LanguageGuess,
}

impl Engine {
    /// The language that is given, or the only one, or what the first windows sound like.
    ///
    /// The reference encodes the first window twice, for a recording shorter than the window with one more frame
    /// when it detects the language. Here it is encoded once, as for generating.
    pub(super) fn language(
        &self,
        recording: &mut Recording<'_>,
        options: &TranscribeOptions,
    ) -> Result<Language, EngineError> {
        let given = if self.is_multilingual() { options.language.as_deref() } else { Some("en") };
        if let Some(language) = given {
            let guess = LanguageGuess { language: language.to_owned(), probability: 1.0 };
            return Ok(Language { guess, first: None });
        }
        let windows = detection_windows(
            options.clip_timestamps.first().copied(),
            recording.log_mel.content_frames(),
            options.window_seconds() * crate::features::FRAMES_PER_SECOND,
            options.language_detection_segments,
        );
        let mut vote = LanguageVote::new(options.language_detection_threshold);
        let mut first = None;
        for frames in windows {
            let encoded = self.encode(recording, frames)?;
            let guess = self.model.detect_language(&encoded)?;
            recording.generations += 1;
            recording.report()?;
            first.get_or_insert_with(|| EncodedWindow { frames, encoded, guess: guess.clone() });
            if let Some(guess) = vote.add(guess) {
                return Ok(Language { guess, first });
            }
        }
        // Options that are checked ask for one window at least.
        let guess = vote.majority().ok_or_else(|| OptionsError {
            name: "language_detection_segments",
            value: "0".into(),
            must: "at least 1",
        })?;
        Ok(Language { guess, first })
    }

    /// Encodes frames of a recording.
    pub(super) fn encode(
        &self,
        recording: &mut Recording<'_>,
        (first, n_frames): (usize, usize),
    ) -> Result<Encoded, EngineError> {
        Ok(self.model.encode(recording.log_mel.window(first, n_frames)?)?)
    }
}
