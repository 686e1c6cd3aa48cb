//! Words and their times against the reference's: `tools/reference/words.py` made the data.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod made;
mod properties;
mod published;
mod speech;
mod splits;
#[path = "../support/mod.rs"]
mod support;

use serde::Deserialize;
use steno_tests::audio::fetched;
use steno_worker::tokenizer::TextTokenizer;
use steno_worker::words::DraftSegment;

/// A word of the reference: text, start, end, probability.
type ReferenceWord = (String, f64, f64, f64);

/// A segment as the reference placed it.
#[derive(Deserialize)]
struct ReferenceSegment {
    start: f64,
    end: f64,
    words: Vec<ReferenceWord>,
}

fn tokenizer(model: &str) -> TextTokenizer {
    TextTokenizer::load(&fetched(&format!("models/{model}/tokenizer.json")).unwrap()).unwrap()
}

/// Asserts that segments have the reference's words, with times within `tolerance` seconds and probabilities within
/// `tolerance`.
fn assert_placed(ours: &[DraftSegment], reference: &[ReferenceSegment], tolerance: f64, what: &str) {
    let near = |ours: f64, reference: f64, of: &str| {
        assert!((ours - reference).abs() <= tolerance, "{what}, {of}: {ours} is not {reference}");
    };
    assert_eq!(ours.len(), reference.len(), "{what}");
    for (ours, reference) in ours.iter().zip(reference) {
        let texts: Vec<&str> = ours.words.iter().map(|word| word.word.as_str()).collect();
        let expected: Vec<&str> = reference.words.iter().map(|word| word.0.as_str()).collect();
        assert_eq!(texts, expected, "{what}");
        near(ours.start, reference.start, "start");
        near(ours.end, reference.end, "end");
        for (word, (text, start, end, probability)) in ours.words.iter().zip(&reference.words) {
            near(word.start, *start, text);
            near(word.end, *end, text);
            near(word.probability, *probability, text);
        }
    }
}
