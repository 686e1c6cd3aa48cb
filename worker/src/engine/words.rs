//! The times of a window's words.

use steno_shared::options::TranscribeOptions;

use super::{Engine, EngineError};
use crate::generate::Encoded;
use crate::transcribe::{Heard, Settled, Split, settle_words};
use crate::words::{DraftSegment, Punctuation, aligned_words, is_anomaly, place_words};

impl Engine {
    /// Where the walk goes on after a window: as its timestamps say, or by the times of its words if they are wanted.
    pub(super) fn settle(
        &self,
        mut split: Split,
        encoded: &Encoded,
        heard: Heard,
        language: &str,
        options: &TranscribeOptions,
    ) -> Result<Settled, EngineError> {
        if !options.word_timestamps {
            return Ok(Settled::Spoken(split));
        }
        self.place_words(&mut split.segments, encoded, heard, language, options)?;
        Ok(settle_words(split, heard, options.hallucination_silence_threshold, |segment| {
            is_anomaly(&segment.words)
        }))
    }

    fn place_words(
        &self,
        segments: &mut [DraftSegment],
        encoded: &Encoded,
        heard: Heard,
        language: &str,
        options: &TranscribeOptions,
    ) -> Result<(), EngineError> {
        let special = self.tokenizer.special();
        let mut start = vec![special.sot];
        start.extend(self.language_and_task(language, options.task)?);
        let text: Vec<u32> = segments
            .iter()
            .flat_map(|segment| segment.tokens.iter().copied())
            .filter(|&token| token < special.eot)
            .collect();
        let words = self.tokenizer.split_to_words(&text, language)?;
        let alignments = self.model.align(encoded, &start, &[text], &[heard.size])?;
        let words = alignments.first().map(|alignment| aligned_words(alignment, words)).unwrap_or_default();
        place_words(segments, words, Punctuation::of(options), special.eot, heard.last_speech);
        Ok(())
    }
}
