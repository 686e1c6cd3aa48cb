//! The sequential pipeline's walk: window after window, each with the text before it as its prompt.

use steno_shared::options::TranscribeOptions;
use steno_shared::transcript::Segment;

use super::language::Language;
use super::transcribe::Recording;
use super::{Engine, EngineError};
use crate::assemble;
use crate::generate::Encoded;
use crate::transcribe::{Attempt, PromptTexts, Split, Walk, is_silence, split_at_timestamps};

/// What stays the same for all windows of a recording.
struct Same<'a> {
    options: &'a TranscribeOptions,
    texts: PromptTexts,
    suppressed: Vec<i32>,
}

impl Engine {
    /// Transcribes the windows of a recording, in order.
    pub(super) fn walk(
        &self,
        recording: &mut Recording<'_>,
        language: Language,
        options: &TranscribeOptions,
    ) -> Result<Vec<Segment>, EngineError> {
        let same = Same {
            options,
            texts: self.prompt_texts(options)?,
            suppressed: self.tokenizer.suppressed(&options.suppress_tokens),
        };
        let initial = match &options.initial_prompt {
            Some(text) => self.tokenizer.encode_prompt(text)?,
            None => Vec::new(),
        };
        let Language { guess, mut first } = language;
        let mut language = guess.language;
        let mut walk = Walk::new(recording.log_mel.content_frames(), options, initial);
        let mut segments = Vec::new();
        while let Some(window) = walk.window() {
            let frames = (window.seek, window.size);
            let (encoded, heard) = match first.take_if(|first| first.frames == frames) {
                Some(first) => (first.encoded, Some(first.guess)),
                None => (self.encode(recording, frames)?, None),
            };
            if options.multilingual && self.is_multilingual() {
                let heard = heard.map_or_else(|| self.model.detect_language(&encoded), Ok)?;
                language = heard.language;
            }
            let language_and_task = self.language_and_task(&language, options.task)?;
            let prompt =
                same.texts.prompt(self.tokenizer.special(), window.seek, window.previous, &language_and_task);
            let attempt = self.generate(&encoded, &prompt, &same.suppressed, options, recording)?;
            if is_silence(&attempt, options) {
                walk.skip();
            } else {
                segments.extend(self.segments(&encoded, &attempt, &language, &mut walk, &same)?);
            }
            recording.pass(walk.seek());
            recording.report()?;
        }
        Ok(segments)
    }

    /// A window's segments.
    fn segments(
        &self,
        _encoded: &Encoded,
        attempt: &Attempt,
        _language: &str,
        walk: &mut Walk,
        same: &Same<'_>,
    ) -> Result<Vec<Segment>, EngineError> {
        let Some(window) = walk.window() else { return Ok(Vec::new()) };
        let split = split_at_timestamps(self.tokenizer.special(), &attempt.tokens, window.seek, window.size);
        let Split { segments, next_seek, .. } = split;
        let options = same.options;
        let spoken = walk.accept(segments, next_seek, attempt.temperature, options, |tokens| {
            self.tokenizer.decode(tokens)
        })?;
        let segments = spoken
            .into_iter()
            .map(|(draft, text)| assemble::segment(draft, text, attempt, options.word_timestamps));
        Ok(segments.collect())
    }
}
