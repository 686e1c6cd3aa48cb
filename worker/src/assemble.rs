//! From a window's cuts to the transcript's segments.

use steno_shared::transcript::{Segment, Word};

use crate::transcribe::{Attempt, DraftSegment};

/// What the engine made of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcription {
    /// Language code: given, or detected.
    pub language: String,
    /// Its probability; 1 when it was given or the model knows only one.
    pub language_probability: f64,
    /// Length of the audio in seconds.
    pub duration: f64,
    /// Length of what holds speech, in seconds, if the rest was left out.
    pub duration_after_vad: Option<f64>,
    /// The text, in order of time.
    pub segments: Vec<Segment>,
}

/// A segment with its times in seconds, to the millisecond, and its window's measures; with its words if `words` are wanted.
#[must_use]
pub fn segment(draft: DraftSegment, text: String, window: &Attempt, words: bool) -> Segment {
    Segment {
        start: milliseconds(draft.start),
        end: milliseconds(draft.end),
        text,
        avg_logprob: window.avg_logprob,
        no_speech_prob: window.no_speech_prob,
        compression_ratio: window.compression_ratio,
        temperature: window.temperature,
        words: words.then(|| draft.words.into_iter().map(word).collect()),
    }
}

fn word(word: Word) -> Word {
    Word { start: milliseconds(word.start), end: milliseconds(word.end), ..word }
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
        let word = Word { start: 0.1 + 0.2, end: 0.7 + 0.1, word: " a".into(), probability: 0.5 };
        let draft = DraftSegment {
            seek: 0,
            start: 0.1 + 0.2,
            end: 29.979_999_999_999_997,
            tokens: vec![],
            words: vec![word],
        };
        assert_eq!(segment(draft.clone(), " a".into(), &window, false).words, None);
        let segment = segment(draft, " a".into(), &window, true);
        assert_eq!(serde_json::to_string(&segment.words.as_ref().unwrap()[0].end).unwrap(), "0.8");
        assert_eq!(serde_json::to_string(&segment.start).unwrap(), "0.3");
        assert_eq!(serde_json::to_string(&segment.end).unwrap(), "29.98");
        assert_eq!(serde_json::to_string(&segment.temperature).unwrap(), "0.2");
    }
}
