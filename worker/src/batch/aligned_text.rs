//! From a window's words to its segments, where the model wrote no timestamps.

use super::WindowText;
use super::window_text::{SECONDS_PER_TIMESTAMP, SHORTEST_REST};
use crate::tokenizer::trim_white_space;
use crate::words::{AlignedWord, DraftSegment, Punctuation};

/// Marks that end a sentence, in more scripts than those at which the reference shortens words.
const SENTENCE_ENDS: [char; 9] = ['.', '?', '!', '…', '。', '？', '！', '।', '؟'];
/// Marks at which a long segment is cut.
const CLAUSE_ENDS: [char; 9] = [',', ';', ':', '—', '，', '、', '；', '：', '،'];
/// A sentence that ends sooner, in seconds, is left with the next one: a segment that begins with "Mr." goes on.
const SHORTEST_SEGMENT: f64 = 1.0;
/// A segment that is longer is cut at a comma, too.
const LONG_SEGMENT: f64 = 8.0;
/// A segment that is longer is cut at any word.
const LONGEST_SEGMENT: f64 = 20.0;
/// Speech of this length in seconds after the last word is text that the model has left out: it may stop after a sentence, where
/// timestamps would have made it go on.
const UNHEARD_SECONDS: f64 = 3.0;

/// A window whose text is to be cut.
#[derive(Debug, Clone, Copy)]
pub struct AlignedWindow<'a> {
    /// Its words, in order, before marks are merged into them.
    pub words: &'a [AlignedWord],
    /// Which marks belong to which words.
    pub punctuation: Punctuation<'a>,
    /// Its length in seconds.
    pub seconds: f64,
    /// Whether no more tokens were allowed.
    pub cut_short: bool,
    /// Whether silence was left out of it.
    pub is_speech: bool,
}

impl AlignedWindow<'_> {
    /// The text, cut where sentences end.
    ///
    /// Nothing else comes after this window, so what the model left out is to be heard as a window of its own: speech after the
    /// last word, or, where no more tokens were allowed, from the last of several segments on.
    #[must_use]
    pub fn text(&self) -> WindowText {
        let Self { words, seconds, cut_short, .. } = *self;
        let mut segments: Vec<DraftSegment> = Vec::new();
        let (mut begin, mut said) = (0, String::new());
        for (index, word) in words.iter().enumerate() {
            said.push_str(&word.word);
            let ends =
                words.get(index + 1).is_none_or(|next| self.ends_segment(&said, &words[begin], word, next));
            if ends {
                segments.push(segment(&words[begin..=index], seconds));
                begin = index + 1;
                said.clear();
            }
        }
        let is_unfinished = cut_short && segments.len() > 1;
        let last_said = words.iter().rfind(|word| is_said(word)).map_or(seconds, |word| word.end);
        let rest_from = match segments.as_slice() {
            [.., last] if is_unfinished => Some(last.start),
            [_, ..] if cut_short || self.is_speech && seconds - last_said >= UNHEARD_SECONDS => {
                Some(last_said)
            }
            _ => None,
        };
        // What is heard again is shorter each time.
        let rest_from = rest_from.filter(|&from| from >= SHORTEST_REST && seconds - from >= SHORTEST_REST);
        if is_unfinished && rest_from.is_some() {
            segments.pop();
        }
        WindowText { segments, rest_from }
    }

    /// Whether a segment that `said` this, from its `first` word to its `last`, ends before the `next` word.
    fn ends_segment(&self, said: &str, first: &AlignedWord, last: &AlignedWord, next: &AlignedWord) -> bool {
        // A mark that belongs to the word before it stays with it.
        if !next.word.starts_with(' ') && self.punctuation.appended.contains(&next.word) {
            return false;
        }
        let said = trim_white_space(said).trim_end_matches(['"', '\'', '”', '’', ')', ']', '」', '』']);
        // The alignment stretches the first word over the silence before it, which makes no segment long.
        let length = last.end - first.end;
        said.ends_with(SENTENCE_ENDS) && last.end - first.start >= SHORTEST_SEGMENT
            || said.ends_with(CLAUSE_ENDS) && length >= LONG_SEGMENT
            || length >= LONGEST_SEGMENT
    }
}

/// Whether a word is more than marks, which the alignment stretches over the silence after them.
fn is_said(word: &AlignedWord) -> bool {
    word.word.chars().any(char::is_alphanumeric)
}

/// The segment of these words, of which there is one at least; it has some length, and does not reach beyond the window.
fn segment(words: &[AlignedWord], seconds: f64) -> DraftSegment {
    let latest = (seconds - SECONDS_PER_TIMESTAMP).max(0.0);
    let start = words.first().map_or(0.0, |word| word.start).clamp(0.0, latest);
    let end = words.last().map_or(0.0, |word| word.end).min(seconds).max(start + SECONDS_PER_TIMESTAMP);
    let tokens = words.iter().flat_map(|word| &word.tokens).copied().collect();
    DraftSegment { seek: 0, start, end, tokens, words: Vec::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use steno_shared::options::TranscribeOptions;

    use super::*;

    /// Words of these lengths, one after the other.
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
    type Cut = (Vec<(f64, f64, String)>, Option<f64>);

    fn cut_of(texts: &[(&str, f64)], seconds: f64, cut_short: bool, is_speech: bool) -> Cut {
        let (options, words) = (TranscribeOptions::default(), words(texts));
        let punctuation = Punctuation::of(&options);
        let text = AlignedWindow { words: &words, punctuation, seconds, cut_short, is_speech }.text();
        let spelled = |tokens: &[u32]| tokens.iter().map(|&token| texts[token as usize].0).collect();
        let segments = text.segments.iter().map(|cut| (cut.start, cut.end, spelled(&cut.tokens))).collect();
        (segments, text.rest_from)
    }

    fn cut(texts: &[(&str, f64)], seconds: f64, cut_short: bool) -> Cut {
        cut_of(texts, seconds, cut_short, true)
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
        let texts = [(" one,", 2.0), (" two", 6.5), (" more", 2.0), (",", 0.0), (" three", 2.0)];
        let (segments, _) = cut(&texts, 12.5, false);
        assert_eq!(segments, [(0.0, 10.5, " one, two more,".into()), (10.5, 12.5, " three".into())]);
        let (segments, _) = cut(&[(" a", 1.0), (" b", 12.0), (" c", 9.0), (" d", 1.0)], 23.0, false);
        assert_eq!(segments.len(), 2);
        let (segments, _) = cut(&[(" a", 22.0), (" b", 1.0), (" c.", 1.0)], 24.0, false);
        assert_eq!(segments.len(), 1, "that is silence before the first word");
    }

    #[test]
    fn speech_after_the_last_word_is_heard_again_and_silence_is_not() {
        let texts = [(" Yes", 1.0), (".", 0.0)];
        assert_eq!(cut(&texts, 30.0, false).1, Some(1.0));
        assert_eq!(cut(&texts, 3.9, false).1, None, "speakers pause");
        assert_eq!(cut_of(&texts, 30.0, false, false).1, None, "who knows what that is");
        assert_eq!(cut(&[(" Yes", 0.5)], 30.0, false).1, None, "it would hardly get on");
        assert_eq!(cut(&[(" Yes", 1.0), (".", 29.0)], 30.0, false).1, Some(1.0), "marks are not said");
        assert_eq!(cut(&[], 30.0, false), (Vec::new(), None));
    }

    #[test]
    fn what_was_cut_off_is_heard_again_from_its_last_sentence_on() {
        let texts = [(" One.", 5.0), (" Two.", 5.0), (" Thr", 5.0)];
        let (segments, rest) = cut_of(&texts, 30.0, true, false);
        assert_eq!((segments.len(), rest), (2, Some(10.0)));
        let (segments, rest) = cut(&texts[..1], 30.0, true);
        assert_eq!((segments.len(), rest), (1, Some(5.0)), "there is no other");
        assert_eq!(cut(&[(" Thr", 0.5)], 30.0, true).1, None, "it would hardly get on");
    }

    proptest! {
        #[test]
        fn no_text_is_lost_and_times_are_in_order_and_within_the_window(
            words in prop::collection::vec(
                (prop_oneof![Just(" a"), Just("b"), Just("."), Just(","), Just(" \"")], 0.0..60.0_f64), 0..40),
            seconds in 0.1..30.0_f64,
            cut_short: bool,
            is_speech: bool,
        ) {
            // As long as the window, at most.
            let total: f64 = words.iter().map(|(_, length)| length).sum::<f64>().max(1.0);
            let texts: Vec<(&str, f64)> =
                words.iter().map(|(text, length)| (*text, length / total * seconds)).collect();
            let (segments, rest_from) = cut_of(&texts, seconds, cut_short, is_speech);
            for (start, end, _) in &segments {
                prop_assert!(start < end && *start >= 0.0);
                prop_assert!(*end <= seconds.max(SECONDS_PER_TIMESTAMP) + 1e-9);
            }
            for pair in segments.windows(2) {
                prop_assert!(pair[0].1 <= pair[1].0 + SECONDS_PER_TIMESTAMP);
            }
            let all: String = texts.iter().map(|(text, _)| *text).collect();
            let kept: String = segments.iter().map(|(_, _, text)| text.as_str()).collect();
            if let Some(from) = rest_from {
                prop_assert!(from >= SHORTEST_REST && seconds - from >= SHORTEST_REST);
                prop_assert!(cut_short || is_speech);
            }
            if kept != all {
                // Only the last of several, and it is heard again from where it begins.
                let whole = cut_of(&texts, seconds, false, is_speech).0;
                let (start, _, dropped) = whole.last().unwrap();
                prop_assert!(cut_short && whole.len() > 1);
                prop_assert_eq!(kept + dropped, all);
                prop_assert_eq!(rest_from, Some(*start));
            }
        }
    }
}
