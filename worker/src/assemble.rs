//! From a window's cuts to the transcript's segments.

use steno_shared::transcript::Segment;

use crate::transcribe::{Attempt, Cut};

/// What the engine made of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcription {
    /// Language code: given, or detected.
    pub language: String,
    /// Its probability; 1 when it was given or the model knows only one.
    pub language_probability: f64,
    /// Length of the audio in seconds.
    pub duration: f64,
    /// The text, in order of time.
    pub segments: Vec<Segment>,
}

/// A segment with its times in seconds, to the millisecond, and its window's measures.
#[must_use]
pub fn segment(cut: &Cut, text: String, window: &Attempt) -> Segment {
    Segment {
        start: milliseconds(cut.start),
        end: milliseconds(cut.end),
        text,
        avg_logprob: window.avg_logprob,
        no_speech_prob: window.no_speech_prob,
        compression_ratio: window.compression_ratio,
        temperature: window.temperature,
        words: None,
    }
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_milliseconds() {
        let window = Attempt {
            tokens: vec![],
            avg_logprob: -0.25,
            compression_ratio: 1.5,
            no_speech_prob: 0.1,
            temperature: 0.2,
        };
        let cut = Cut { start: 0.1 + 0.2, end: 29.979_999_999_999_997, tokens: vec![] };
        let segment = segment(&cut, " a".into(), &window);
        assert_eq!(serde_json::to_string(&segment.start).unwrap(), "0.3");
        assert_eq!(serde_json::to_string(&segment.end).unwrap(), "29.98");
        assert_eq!(serde_json::to_string(&segment.temperature).unwrap(), "0.2");
    }
}
