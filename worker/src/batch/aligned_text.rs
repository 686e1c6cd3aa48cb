//! From a window's words to its segments, where the model wrote no timestamps.

use super::WindowText;
use super::window_text::SHORTEST_REST;
use crate::tokenizer::trim_white_space;
use crate::words::{AlignedWord, DraftSegment, Punctuation};

/// Marks that end a sentence.
const SENTENCE_ENDS: [char; 9] = ['.', '?', '!', '…', '。', '？', '！', '।', '؟'];
/// Marks at which a long segment is cut.
const CLAUSE_ENDS: [char; 9] = [',', ';', ':', '—', '，', '、', '；', '：', '،'];
/// A sentence that ends sooner, in seconds, is left with the next one: "Mr." is none.
const SHORTEST_SEGMENT: f64 = 1.0;
/// A segment that is longer is cut at a comma, too.
const LONG_SEGMENT: f64 = 8.0;
/// A segment that is longer is cut at any word.
const LONGEST_SEGMENT: f64 = 20.0;
/// Speech of this length in seconds after the last word is text that the model has left out: it may stop after a sentence, where
/// timestamps would have made it go on.
const UNHEARD: f64 = 3.0;
/// A segment's least length in seconds.
const STEP: f64 = 0.02;

/// Cuts the words of a window of `seconds` where sentences end.
///
/// Nothing else comes after this window, so what the model left out is to be heard as a window of its own: the speech after
/// the last word, or, where no more tokens were allowed (`cut_short`), from the last of several segments on.
#[must_use]
pub fn cut_at_words(
    words: &[AlignedWord],
    punctuation: Punctuation<'_>,
    seconds: f64,
    cut_short: bool,
) -> WindowText {
    let mut segments: Vec<DraftSegment> = Vec::new();
    let (mut begin, mut said) = (0, String::new());
    for (index, word) in words.iter().enumerate() {
        said.push_str(&word.word);
        let length = word.end - words[begin].start;
        let ends = words.get(index + 1).is_none_or(|next| ends_segment(&said, length, next, punctuation));
        if ends {
            segments.push(segment(&words[begin..=index], seconds));
            begin = index + 1;
            said.clear();
        }
    }
    let is_unfinished = cut_short && segments.len() > 1;
    let rest_from = match segments.as_slice() {
        [.., before, last] if is_unfinished => Some(last.start.max(before.end)),
        [.., last] if cut_short || seconds - last.end >= UNHEARD => Some(last.end),
        _ => None,
    };
    // What is heard again is shorter each time.
    let rest_from = rest_from.filter(|&from| from >= SHORTEST_REST && seconds - from >= SHORTEST_REST);
    if is_unfinished && rest_from.is_some() {
        segments.pop();
    }
    WindowText { segments, rest_from }
}

/// Whether a segment that `said` this within `length` seconds ends before the `next` word.
fn ends_segment(said: &str, length: f64, next: &AlignedWord, punctuation: Punctuation<'_>) -> bool {
    // A mark that belongs to the word before it stays with it.
    if !next.word.starts_with(' ') && punctuation.appended.contains(&next.word) {
        return false;
    }
    let said = trim_white_space(said).trim_end_matches(['"', '\'', '”', '’', ')', ']', '」', '』']);
    said.ends_with(SENTENCE_ENDS) && length >= SHORTEST_SEGMENT
        || said.ends_with(CLAUSE_ENDS) && length >= LONG_SEGMENT
        || length >= LONGEST_SEGMENT
}

/// The segment of these words, of which there is one at least; it has some length, and does not reach beyond the window.
fn segment(words: &[AlignedWord], seconds: f64) -> DraftSegment {
    let start = words.first().map_or(0.0, |word| word.start).clamp(0.0, (seconds - STEP).max(0.0));
    let end = words.last().map_or(0.0, |word| word.end).clamp(0.0, seconds.max(0.0)).max(start + STEP);
    let tokens = words.iter().flat_map(|word| &word.tokens).copied().collect();
    DraftSegment { seek: 0, start, end, tokens, words: Vec::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use steno_shared::options::TranscribeOptions;

    use super::*;

    /// Words of half a second each, or of their own length.
    fn words(texts: &[(&str, f64)]) -> Vec<AlignedWord> {
        let mut at = 0.0;
        let word = |(token, &(text, seconds)): (usize, &(&str, f64))| {
            let start = at;
            at += seconds;
            AlignedWord { word: text.into(), tokens: vec![token as u32], start, end: at, probability: 0.9 }
        };
        texts.iter().enumerate().map(word).collect()
    }

    /// Of each segment its start, its end and its words.
    fn cut(texts: &[(&str, f64)], seconds: f64, cut_short: bool) -> (Vec<(f64, f64, String)>, Option<f64>) {
        let options = TranscribeOptions::default();
        let text = cut_at_words(&words(texts), Punctuation::of(&options), seconds, cut_short);
        let spelled = |tokens: &[u32]| tokens.iter().map(|&token| texts[token as usize].0).collect();
        let segments = text.segments.iter().map(|cut| (cut.start, cut.end, spelled(&cut.tokens))).collect();
        (segments, text.rest_from)
    }

    #[test]
    fn a_segment_is_a_sentence() {
        let texts = [
            (" So", 0.5),
            (" he", 0.5),
            (" said", 0.5),
            (".", 0.0),
            ("\"", 0.0),
            (" And", 1.0),
            (" you?", 1.0),
        ];
        let (segments, rest) = cut(&texts, 4.0, false);
        assert_eq!(segments, [(0.0, 1.5, " So he said.\"".into()), (1.5, 3.5, " And you?".into())]);
        assert_eq!(rest, None);
        let chinese = [("你好", 1.0), ("。", 0.0), ("再见", 1.0), ("。", 0.0)];
        assert_eq!(cut(&chinese, 2.0, false).0.len(), 2);
    }

    #[test]
    fn what_is_too_short_for_a_sentence_is_none() {
        let (segments, _) = cut(&[(" Mr.", 0.4), (" Smith", 0.6), (" left.", 0.5)], 1.5, false);
        assert_eq!(segments, [(0.0, 1.5, " Mr. Smith left.".into())]);
    }

    #[test]
    fn long_sentences_are_cut_at_commas_and_else_anywhere() {
        let (segments, _) = cut(&[(" one,", 2.0), (" two", 6.5), (",", 0.0), (" three", 2.0)], 10.5, false);
        assert_eq!(segments, [(0.0, 8.5, " one, two,".into()), (8.5, 10.5, " three".into())]);
        let (segments, _) = cut(&[(" a", 12.0), (" b", 9.0), (" c", 1.0)], 22.0, false);
        assert_eq!(segments.len(), 2);
    }

    #[test]
    fn speech_after_the_last_word_is_heard_again() {
        let texts = [(" Yes", 1.0), (".", 0.0)];
        assert_eq!(cut(&texts, 30.0, false).1, Some(1.0));
        assert_eq!(cut(&texts, 3.9, false).1, None, "speakers pause");
        assert_eq!(cut(&[(" Yes", 0.5)], 30.0, false).1, None, "it would hardly get on");
        assert_eq!(cut(&[], 30.0, false), (Vec::new(), None));
    }

    #[test]
    fn what_was_cut_off_is_heard_again_from_its_last_sentence_on() {
        let texts = [(" One.", 5.0), (" Two.", 5.0), (" Thr", 5.0)];
        let (segments, rest) = cut(&texts, 30.0, true);
        assert_eq!((segments.len(), rest), (2, Some(10.0)));
        let (segments, rest) = cut(&texts[2..], 30.0, true);
        assert_eq!((segments.len(), rest), (1, Some(5.0)), "there is no other");
        assert_eq!(cut(&[(" Thr", 0.5)], 30.0, true).1, None, "it would hardly get on");
    }

    proptest! {
        #[test]
        fn no_text_is_lost_and_times_are_in_order_and_within_the_window(
            words in prop::collection::vec(
                (prop_oneof![Just(" a"), Just("b"), Just("."), Just(","), Just(" \"")], 0.0..9.0_f64), 0..40),
            seconds in 0.1..30.0_f64,
            cut_short: bool,
        ) {
            let words = words.iter().map(|(text, length)| (*text, length / words.len() as f64));
            let texts: Vec<(&str, f64)> = words.collect();
            let (segments, rest_from) = cut(&texts, seconds, cut_short);
            let mut last = 0.0;
            for (start, end, _) in &segments {
                prop_assert!(start < end && *start >= 0.0 && *end <= seconds + STEP && *start >= last);
                last = *start;
            }
            let all: String = texts.iter().map(|(text, _)| *text).collect();
            let kept: String = segments.iter().map(|(_, _, text)| text.as_str()).collect();
            match rest_from {
                None => prop_assert_eq!(kept, all),
                Some(from) => {
                    prop_assert!(from >= SHORTEST_REST && from < seconds);
                    prop_assert!(all.starts_with(&kept));
                }
            }
        }
    }
}
