//! A transcript beside the reference's.

use serde::Deserialize;
use steno_shared::transcript::{Segment, Word};
use steno_worker::assemble::Transcription;

/// Whisper's timestamps stand 0.02 s apart.
const CLOSE: f64 = 0.02 + 1e-9;
/// How far the time of a word may be, as long as few are.
const NEAR: f64 = 0.2 + 1e-9;

/// What the reference made of a recording.
#[derive(Deserialize)]
pub(crate) struct Reference {
    language: String,
    language_probability: f64,
    duration: f64,
    duration_after_vad: Option<f64>,
    segments: Vec<Segment>,
    /// Number of segments before the first text that was drawn at random; none was if it is missing.
    segments_before_sampling: Option<usize>,
}

/// Asserts that a transcript is the reference's, as far as that depends on no chance.
///
/// Numbers that both compute alike are within `exact`.
pub(crate) fn assert_same(name: &str, ours: &Transcription, reference: &Reference, exact: f64) {
    assert_eq!(ours.language, reference.language, "{name}");
    // A language that was not looked for is certain.
    let close = if reference.language_probability < 1.0 { 0.03 } else { 1e-9 };
    assert_close(name, ours.language_probability, reference.language_probability, close);
    assert_close(name, ours.duration, reference.duration, exact);
    assert_eq!(ours.duration_after_vad, reference.duration_after_vad, "{name}");
    let is_drawn = |segments: &[Segment]| segments.iter().any(|segment| segment.temperature > 0.0);
    if is_drawn(&reference.segments) {
        // No beam search satisfies the window, and it is no silence, whatever was drawn.
        assert!(is_drawn(&ours.segments), "{name}: the reference sampled");
    }
    let n_certain = reference.segments_before_sampling;
    let certain =
        |segments: &[Segment]| segments[..n_certain.unwrap_or(segments.len()).min(segments.len())].to_vec();
    let (ours, reference) = (certain(&ours.segments), certain(&reference.segments));
    let texts = |segments: &[Segment]| segments.iter().map(|s| s.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&ours), texts(&reference), "{name}");
    let (mut close, mut n_words) = (0, 0);
    for (number, (ours, reference)) in ours.iter().zip(&reference).enumerate() {
        let what = format!("{name}, segment {number}");
        assert_close(&what, ours.start, reference.start, CLOSE);
        assert_close(&what, ours.end, reference.end, CLOSE);
        assert_close(&what, ours.temperature, reference.temperature, 1e-9);
        assert_close(&what, ours.avg_logprob, reference.avg_logprob, 1e-3);
        assert_close(&what, ours.no_speech_prob, reference.no_speech_prob, 1e-3);
        assert_close(&what, ours.compression_ratio, reference.compression_ratio, exact);
        assert_eq!(ours.words.is_some(), reference.words.is_some(), "{what}");
        if let (Some(ours), Some(reference)) = (&ours.words, &reference.words) {
            close += n_close(&what, ours, reference);
            n_words += reference.len();
        }
    }
    assert!(close * 100 >= n_words * 95, "{name}: {close} of {n_words} words are close");
}

/// Asserts that words are the same and none is far off; returns how many are close.
fn n_close(what: &str, ours: &[Word], reference: &[Word]) -> usize {
    let texts = |words: &[Word]| words.iter().map(|word| word.word.clone()).collect::<Vec<_>>();
    assert_eq!(texts(ours), texts(reference), "{what}");
    let mut close = 0;
    for (ours, reference) in ours.iter().zip(reference) {
        let off = (ours.start - reference.start).abs().max((ours.end - reference.end).abs());
        assert!(off <= NEAR, "{what}: {ours:?} is not {reference:?}");
        close += usize::from(off <= CLOSE);
        assert_close(what, ours.probability, reference.probability, 0.02);
    }
    close
}

fn assert_close(what: &str, ours: f64, reference: f64, tolerance: f64) {
    assert!((ours - reference).abs() <= tolerance, "{what}: {ours} is not {reference}");
}
