//! From a window's cuts to the transcript's segments.

use steno_shared::transcript::{Segment, Word};

use crate::transcribe::Attempt;
use crate::vad::TimeMap;
use crate::words::DraftSegment;

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

impl Transcription {
    /// The same, of a part of a recording that begins so many seconds after the recording does.
    #[must_use]
    pub fn later(mut self, seconds: f64) -> Self {
        if seconds > 0.0 {
            for segment in &mut self.segments {
                segment.start = milliseconds(segment.start + seconds);
                segment.end = milliseconds(segment.end + seconds);
                for word in segment.words.iter_mut().flatten() {
                    word.start = milliseconds(word.start + seconds);
                    word.end = milliseconds(word.end + seconds);
                }
            }
        }
        self
    }
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

/// A segment of a recording that was heard without its silence, at its times in the whole recording.
///
/// A word's start and end are taken from the span that its middle is in, and a segment begins and ends with its words.
/// That is the reference's `restore_speech_timestamps`.
#[must_use]
pub fn restored(mut draft: DraftSegment, times: &TimeMap) -> DraftSegment {
    for word in &mut draft.words {
        let span = times.chunk_index((word.start + word.end) / 2.0, false);
        word.start = times.original_time(word.start, Some(span), false);
        word.end = times.original_time(word.end, Some(span), false);
    }
    let (start, end) = match (draft.words.first(), draft.words.last()) {
        (Some(first), Some(last)) => (first.start, last.end),
        (None, _) | (_, None) => {
            (times.original_time(draft.start, None, false), times.original_time(draft.end, None, true))
        }
    };
    DraftSegment { start, end, ..draft }
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
    use crate::vad::Span;

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

    #[test]
    fn words_keep_to_the_span_of_their_middle_and_segments_to_their_words() {
        let spans = [(0, 16_000), (64_000, 96_000)].map(|(start, end)| Span { start, end });
        let times = TimeMap::new(&spans);
        let word = |start, end| Word { start, end, word: " a".into(), probability: 0.5 };
        let words = vec![word(0.2, 0.6), word(0.6, 1.1), word(0.95, 1.5)];
        let draft = DraftSegment { seek: 0, start: 0.2, end: 1.5, tokens: vec![], words };
        let placed = restored(draft.clone(), &times);
        let found: Vec<_> = placed.words.iter().map(|word| (word.start, word.end)).collect();
        assert_eq!(found, [(0.2, 0.6), (0.6, 1.1), (3.95, 4.5)]);
        assert_eq!((placed.start, placed.end), (0.2, 4.5));

        let wordless = |start, end| {
            let placed = restored(DraftSegment { start, end, words: vec![], ..draft.clone() }, &times);
            (placed.start, placed.end)
        };
        assert_eq!(wordless(0.0, 1.0), (0.0, 1.0), "an end on the seam belongs to what is before it");
        assert_eq!(wordless(1.0, 3.0), (4.0, 6.0));
    }
}
