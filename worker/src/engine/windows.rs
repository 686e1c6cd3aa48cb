//! The sequential pipeline's walk: window after window, each with the text before it as its prompt.

use steno_shared::options::TranscribeOptions;
use steno_shared::transcript::Segment;

use super::language::{EncodedWindow, Language};
use super::transcribe::Recording;
use super::{Engine, EngineError};
use crate::features::{FRAMES_PER_SECOND, WINDOW_FRAMES};
use crate::generate::Encoded;
use crate::transcribe::{
    Attempt, Heard, LanguageGuess, Settled, Split, Walk, is_silence, speech_end, split_at_timestamps,
};
use crate::words::DraftSegment;

impl Engine {
    /// Transcribes the windows of a recording, in order.
    pub(super) fn walk(
        &self,
        recording: &mut Recording<'_>,
        language: Language,
        options: &TranscribeOptions,
    ) -> Result<Vec<Segment>, EngineError> {
        let special = self.tokenizer.special();
        let texts = self.prompt_texts(options)?;
        let suppressed = self.tokenizer.suppressed(&options.suppress_tokens);
        let initial = match &options.initial_prompt {
            Some(text) => self.tokenizer.encode_prompt(text)?,
            None => Vec::new(),
        };
        let Language { guess, mut first } = language;
        let mut language = guess.language;
        let mut walk = Walk::new(recording.log_mel.content_frames(), options, initial);
        let mut last_speech = 0.0;
        let mut segments = Vec::new();
        while let Some(window) = walk.window() {
            let (seek, size) = (window.seek, window.size);
            // It costs a whole window, however much of the recording is left.
            self.model.busy().begin_on(Some((WINDOW_FRAMES / FRAMES_PER_SECOND) as f64));
            let (encoded, guess) = self.window(recording, &mut first, (seek, size), options)?;
            if let Some(guess) = guess {
                language = guess.language;
            }
            let language_and_task = self.language_and_task(&language, options.task)?;
            let prompt = texts.prompt(special, seek, window.previous, &language_and_task);
            let attempt = self.generate(&encoded, &prompt, &suppressed, options, recording)?;
            if is_silence(&attempt, options) {
                walk.skip();
            } else {
                let split = split_at_timestamps(special, &attempt.tokens, seek, size);
                let heard = Heard {
                    seek,
                    size,
                    window_frames: walk.window_frames(),
                    content_frames: walk.content_frames(),
                    last_speech,
                };
                match self.settle(split, &encoded, heard, &language, options)? {
                    Settled::SilenceUntil(frame) => walk.skip_to(frame),
                    Settled::Spoken(split) => {
                        last_speech = speech_end(&split.segments).unwrap_or(last_speech);
                        let spoken = self.accept(&mut walk, split, &attempt, options)?;
                        segments.extend(
                            spoken
                                .into_iter()
                                .map(|(draft, text)| recording.segment(draft, text, &attempt, options)),
                        );
                    }
                }
            }
            recording.pass(walk.seek());
            recording.report()?;
        }
        Ok(segments)
    }

    /// A window's encoding, and what it sounds like if each window may be in another language.
    fn window(
        &self,
        recording: &mut Recording<'_>,
        first: &mut Option<EncodedWindow>,
        frames: (usize, usize),
        options: &TranscribeOptions,
    ) -> Result<(Encoded, Option<LanguageGuess>), EngineError> {
        let several = options.multilingual && self.is_multilingual();
        // The window that the language was looked for in is as a rule the first to be transcribed.
        if let Some(first) = first.take()
            && first.frames == frames
        {
            return Ok((first.encoded, several.then_some(first.guess)));
        }
        let encoded = self.encode(recording, frames)?;
        let guess = if several { Some(self.model.detect_language(&encoded)?) } else { None };
        Ok((encoded, guess))
    }

    /// Takes a window's segments into the walk; returns those that are kept, with their text.
    fn accept(
        &self,
        walk: &mut Walk,
        split: Split,
        attempt: &Attempt,
        options: &TranscribeOptions,
    ) -> Result<Vec<(DraftSegment, String)>, EngineError> {
        let Split { segments, next_seek, .. } = split;
        let text = |tokens: &[u32]| self.tokenizer.decode(tokens);
        Ok(walk.accept(segments, next_seek, attempt.temperature, options, text)?)
    }
}
