//! The known-answer test: does the engine understand speech that it must understand?
//!
//! A library or driver that does not fit the device may compute without an error and write nothing, or rubbish. Found
//! out before the first lease is taken, that costs nothing; found out later, it costs the backlog.

use std::collections::HashSet;

use steno_shared::options::{Task, TranscribeOptions};

use super::{Engine, EngineError};
use crate::features::LogMel;
use crate::pcm::Pcm;
use crate::transcribe::{PromptTexts, avg_logprob, compression_ratio};

/// 2.7 s of John F. Kennedy's inaugural address (1961, public domain), 16 kHz mono, s16le.
const SPEECH: &[u8] = include_bytes!("../../assets/self-test.s16le");
/// What he says in it.
const WORDS: &str = "ask what you can do for your country";
/// Frames that the encoder is given: enough for the speech, and a fifth of a whole window's work.
const N_FRAMES: usize = 600;
/// Of the eight words, so many must be heard.
const WORDS_LEAST: usize = 4;
/// Tokens of which an answer in other words must have as many different ones.
const DIFFERENT_TOKENS_LEAST: usize = 5;

/// What the engine wrote for the known speech.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    text: String,
    different_tokens: usize,
    avg_logprob: f64,
}

impl Engine {
    /// Transcribes a few seconds of known speech: about 0.2 s on one core for small models.
    ///
    /// # Errors
    /// [`EngineError::Nonsense`] when the answer has nothing to do with the question; else what the engine failed with.
    pub fn self_test(&self) -> Result<(), EngineError> {
        let samples = SPEECH.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]]));
        let pcm = Pcm::from(samples.collect::<Vec<_>>());
        let mut log_mel = LogMel::new(&pcm, self.filters.clone())?;
        let encoded = self.model.encode_part(&log_mel.window(0, N_FRAMES)?, N_FRAMES)?;
        let language_and_task = self.language_and_task("en", Task::Transcribe)?;
        let texts = PromptTexts { without_timestamps: true, ..PromptTexts::default() };
        let tokens = texts.prompt(self.tokenizer.special(), 0, &[], &language_and_task);
        let options = TranscribeOptions { beam_size: 1, ..TranscribeOptions::default() };
        let suppressed = self.tokenizer.suppressed(&options.suppress_tokens);
        let prompt = self.vocabulary.strings(&tokens)?;
        let generated = self.model.generate(&encoded, &prompt, 0.0, &suppressed, &options)?;
        let answer = Answer {
            text: self.tokenizer.decode(&generated.tokens)?,
            different_tokens: generated.tokens.iter().collect::<HashSet<_>>().len(),
            avg_logprob: avg_logprob(generated.score, generated.tokens.len(), 1.0),
        };
        if understood(&answer) || (self.is_multilingual() && plausible(&answer)) {
            return Ok(());
        }
        Err(EngineError::Nonsense { device: self.model.device().as_str(), said: WORDS, heard: answer.text })
    }
}

/// Whether half of the words were heard.
fn understood(answer: &Answer) -> bool {
    let heard: HashSet<String> = answer
        .text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    WORDS.split(' ').filter(|word| heard.contains(*word)).count() >= WORDS_LEAST
}

/// Whether the text is probable and no repetition, which rubbish is not: a model trained for another language may answer
/// in that one.
fn plausible(answer: &Answer) -> bool {
    answer.different_tokens >= DIFFERENT_TOKENS_LEAST
        && answer.avg_logprob > -0.8
        && answer.avg_logprob < 0.0
        && compression_ratio(answer.text.trim()) < 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, different_tokens: usize, avg_logprob: f64) -> Answer {
        Answer { text: text.to_owned(), different_tokens, avg_logprob }
    }

    #[test]
    fn speech_that_was_understood_passes_in_any_spelling_and_language() {
        assert!(understood(&answer(" Ask what YOU can do for your country!", 9, -0.2)));
        assert!(understood(&answer(" What can you do? Oh, your", 8, -1.4)), "half of the words will do");
        let chinese = answer(" 问问你能为你的国家做些什么", 12, -0.5);
        assert!(!understood(&chinese) && plausible(&chinese));
    }

    #[test]
    fn nothing_rubbish_and_loops_do_not() {
        for nonsense in [
            // The silently empty transcripts of a driver too old.
            answer("", 0, 0.0),
            answer("!!!!!!!!!!!!!!!!!!!!!!!!!!", 1, -0.1),
            answer(&" for the for the".repeat(20), 2, -0.1),
            answer(" zkq Umb 0x la", 5, -3.9),
            answer(" zkq Umb 0x la", 5, f64::NAN),
        ] {
            assert!(!understood(&nonsense) && !plausible(&nonsense), "{nonsense:?}");
        }
    }
}
