//! What holds for any text and any alignment.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use steno_shared::options::TranscribeOptions;
use steno_worker::generate::Alignment;
use steno_worker::tokenizer::TextTokenizer;
use steno_worker::words::{DraftSegment, Punctuation, aligned_words, place_words};

use super::tokenizer;

static TOKENIZER: LazyLock<TextTokenizer> = LazyLock::new(|| tokenizer("base"));

fn language() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("en"), Just("ja")]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "( ?[\"'.,¿(\\[{-]{0,2}[a-z你好éท]{0,4}[.。,!?)\"]{0,2}){0,12}"]
}

/// Tokens of text, single bytes among them.
fn tokens() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![0_u32..256, 0_u32..50_000], 0..40)
}

/// A path over `n_tokens` tokens and the end of text: how many steps are passed at each.
fn path(steps: &[usize]) -> Vec<(usize, usize)> {
    let mut step = 0;
    let mut path = Vec::new();
    for (token, &passed) in steps.iter().enumerate() {
        path.extend((step..=step + passed).map(|step| (token, step)));
        step += passed;
    }
    path
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Cases that once failed are kept and tried first.
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/words/properties.regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn splitting_loses_and_doubles_nothing(text in text(), tokens in tokens(), language in language()) {
        for tokens in [TOKENIZER.encode(&text).unwrap(), tokens] {
            let words = TOKENIZER.split_to_words(&tokens, language).unwrap();
            let whole: String = words.iter().map(|word| word.text.as_str()).collect();
            prop_assert_eq!(whole, TOKENIZER.decode(&tokens).unwrap());
            let spelled: Vec<u32> = words.into_iter().flat_map(|word| word.tokens).collect();
            prop_assert_eq!(spelled, tokens);
        }
    }

    #[test]
    fn placed_words_are_the_text_in_order_within_the_window(
        text in text(),
        language in language(),
        passed in prop::collection::vec(0_usize..60, 400),
        lengths in prop::collection::vec(0_usize..9, 1..20),
        marks in prop::collection::vec(0_u32..60, 20),
        seek in 0_usize..100_000,
        pause in 0.0..5.0_f64,
    ) {
        let tokens = TOKENIZER.encode(&text).unwrap();
        prop_assume!(tokens.len() < passed.len());
        let alignment = Alignment {
            path: path(&passed[..=tokens.len()]),
            token_probabilities: vec![0.5; tokens.len()],
        };
        let words = aligned_words(&alignment, TOKENIZER.split_to_words(&tokens, language).unwrap());
        let last_step = alignment.path.last().map_or(0.0, |&(_, step)| step as f64 / 50.0);

        // Segments of the given lengths, the last with all the rest, at growing times.
        let special = TOKENIZER.special();
        let offset = seek as f64 / 100.0;
        let (mut rest, mut start) = (&tokens[..], offset);
        let mut window = Vec::new();
        for (i, &length) in lengths.iter().enumerate() {
            let length = if i + 1 == lengths.len() { rest.len() } else { length.min(rest.len()) };
            let (own, later) = rest.split_at(length);
            rest = later;
            let end = start + f64::from(marks[i]) / 50.0;
            let mut tokens = own.to_vec();
            tokens.push(special.timestamp_begin + 7);
            window.push(DraftSegment { seek, start, end, tokens, words: vec![] });
            start = end;
        }

        let options = TranscribeOptions::default();
        let last_speech = (offset - pause).max(0.0);
        let speech_end =
            place_words(&mut window, words, Punctuation::of(&options), special.eot, last_speech);

        let placed = window.iter().flat_map(|segment| &segment.words);
        prop_assert_eq!(placed.map(|word| word.word.as_str()).collect::<String>(), text);
        let latest = (offset + last_step).max(start) + 0.7;
        // A first word may be given back a silence before the window that the alignment knows nothing of.
        let earliest = (offset - 1.4).max(0.0);
        for segment in &window {
            let times: Vec<f64> = segment.words.iter().flat_map(|word| [word.start, word.end]).collect();
            prop_assert!(times.is_sorted(), "{:?}", segment.words);
            prop_assert!(segment.start <= segment.end + 1e-9, "{} {}", segment.start, segment.end);
            prop_assert!(times.iter().all(|time| (earliest - 0.01..=latest + 0.01).contains(time)), "{times:?}");
        }
        let ends = window.iter().rfind(|segment| !segment.words.is_empty());
        prop_assert!((speech_end - ends.map_or(last_speech, |segment| segment.end)).abs() < 1e-9);
    }
}
