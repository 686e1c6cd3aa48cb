//! Whether a window's text is good enough, or wants another temperature.

use steno_shared::options::TranscribeOptions;

/// What one temperature made of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The tokens written, timestamps included.
    pub tokens: Vec<u32>,
    /// Average log probability of the tokens.
    pub avg_logprob: f64,
    /// Compression ratio of the text.
    pub compression_ratio: f64,
    /// Probability that the window holds no speech.
    pub no_speech_prob: f64,
    /// The temperature.
    pub temperature: f64,
}

/// What to do with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Accept,
    /// Try the next temperature.
    TryAgain,
}

/// Accepts an attempt that neither repeats itself nor is improbable, or is improbable because nobody speaks.
#[must_use]
pub fn judge(attempt: &Attempt, options: &TranscribeOptions) -> Verdict {
    let improbable = options.log_prob_threshold.is_some_and(|threshold| attempt.avg_logprob < threshold);
    let no_speech = options.no_speech_threshold.is_some_and(|threshold| attempt.no_speech_prob > threshold);
    if no_speech && improbable {
        return Verdict::Accept;
    }
    if improbable || repeats(attempt, options) { Verdict::TryAgain } else { Verdict::Accept }
}

/// When no temperature was good enough: the most probable of those that do not repeat themselves, else of all.
///
/// It counts as made at the last temperature, so that the prompt is forgotten after it.
#[must_use]
pub fn best_of_failures(attempts: Vec<Attempt>, options: &TranscribeOptions) -> Option<Attempt> {
    let last_temperature = attempts.last()?.temperature;
    let any_sound = attempts.iter().any(|attempt| !repeats(attempt, options));
    let mut best: Option<Attempt> = None;
    for attempt in attempts {
        if any_sound && repeats(&attempt, options) {
            continue;
        }
        // Of equals the first stands.
        if best.as_ref().is_none_or(|best| attempt.avg_logprob > best.avg_logprob) {
            best = Some(attempt);
        }
    }
    best.map(|best| Attempt { temperature: last_temperature, ..best })
}

/// Whether the window is to be skipped: probably no speech, and no text probable enough to belie that.
#[must_use]
pub fn is_silence(attempt: &Attempt, options: &TranscribeOptions) -> bool {
    options.no_speech_threshold.is_some_and(|threshold| attempt.no_speech_prob > threshold)
        && options.log_prob_threshold.is_none_or(|threshold| attempt.avg_logprob <= threshold)
}

fn repeats(attempt: &Attempt, options: &TranscribeOptions) -> bool {
    options.compression_ratio_threshold.is_some_and(|threshold| attempt.compression_ratio > threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(avg_logprob: f64, compression_ratio: f64, no_speech_prob: f64, temperature: f64) -> Attempt {
        Attempt { tokens: vec![], avg_logprob, compression_ratio, no_speech_prob, temperature }
    }

    #[test]
    fn what_is_tried_again() {
        let options = TranscribeOptions::default();
        let cases = [
            ((-0.3, 1.5, 0.0), Verdict::Accept),
            ((-0.3, 2.4, 0.0), Verdict::Accept),
            ((-0.3, 2.5, 0.0), Verdict::TryAgain),
            ((-1.0, 1.5, 0.0), Verdict::Accept),
            ((-1.1, 1.5, 0.0), Verdict::TryAgain),
            ((-1.1, 1.5, 0.7), Verdict::Accept),
            ((-1.1, 2.5, 0.7), Verdict::Accept),
            ((-0.3, 2.5, 0.7), Verdict::TryAgain),
        ];
        for ((logprob, ratio, no_speech), verdict) in cases {
            let attempt = attempt(logprob, ratio, no_speech, 0.0);
            assert_eq!(judge(&attempt, &options), verdict, "{attempt:?}");
        }
    }

    #[test]
    fn the_best_failure_prefers_text_that_does_not_repeat() {
        let options = TranscribeOptions::default();
        let attempts = vec![
            attempt(-0.2, 9.0, 0.0, 0.0),
            attempt(-1.4, 1.0, 0.0, 0.5),
            attempt(-1.2, 1.0, 0.1, 0.8),
            attempt(-1.2, 1.0, 0.2, 1.0),
        ];
        let best = best_of_failures(attempts.clone(), &options).unwrap();
        assert_eq!(best, attempt(-1.2, 1.0, 0.1, 1.0));
        let best = best_of_failures(attempts[..1].to_vec(), &options).unwrap();
        assert_eq!(best, attempts[0]);
        assert_eq!(best_of_failures(vec![], &options), None);
    }

    #[test]
    fn silence_needs_both_signs() {
        let options = TranscribeOptions::default();
        assert!(is_silence(&attempt(-1.5, 1.0, 0.7, 0.0), &options));
        assert!(is_silence(&attempt(-1.0, 1.0, 0.7, 0.0), &options));
        assert!(!is_silence(&attempt(-0.9, 1.0, 0.7, 0.0), &options));
        assert!(!is_silence(&attempt(-1.5, 1.0, 0.6, 0.0), &options));
    }
}
