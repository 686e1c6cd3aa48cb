//! A window's text, at the first temperature that makes a good one.

use steno_shared::options::{OptionsError, TranscribeOptions};

use super::transcribe::Recording;
use super::{Engine, EngineError};
use crate::generate::Encoded;
use crate::tokenizer::trim_white_space;
use crate::transcribe::{Attempt, Verdict, avg_logprob, best_of_failures, compression_ratio, judge};

impl Engine {
    /// Tries temperature after temperature until a window's text is good enough.
    pub(super) fn generate(
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
            self.model.busy().has_passed();
            let text = self.tokenizer.decode(&generated.tokens)?;
            let attempt = Attempt {
                avg_logprob: avg_logprob(generated.score, generated.tokens.len(), options.length_penalty),
                compression_ratio: compression_ratio(trim_white_space(&text)),
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
        Ok(best_of_failures(failures, options).ok_or_else(OptionsError::no_temperature)?)
    }
}
