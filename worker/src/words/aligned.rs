//! From a token alignment to the times of words within their window.

use crate::generate::Alignment;
use crate::tokenizer::TokenWord;

/// Steps of an alignment in a second: the encoder's frames.
const ALIGNMENT_FRAMES_PER_SECOND: f64 = 50.0;

/// A word with its times within its window.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignedWord {
    /// The word; empty once it was merged into a neighbour.
    pub word: String,
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// Start in seconds from the window's start.
    pub start: f64,
    /// End in seconds, never before the start.
    pub end: f64,
    /// Mean probability of its tokens, 0 to 1.
    pub probability: f64,
}

/// Times and probabilities of a window's `words`, which spell the tokens that were aligned.
///
/// A word begins where the path first reaches its first token and ends where it first reaches the token after its last.
/// An empty path (a window shorter than 20 ms) gives no words. Words beyond its end, which the decoder had no room for, are
/// placed there; their probability is that of the tokens that were aligned, or 0.
#[must_use]
pub fn aligned_words(alignment: &Alignment, words: Vec<TokenWord>) -> Vec<AlignedWord> {
    let reached = reached_seconds(&alignment.path);
    let Some(&last) = reached.last() else { return Vec::new() };
    let at = |token: usize| reached.get(token).copied().unwrap_or(last);
    let mut begin = 0;
    let words = words.into_iter().map(|TokenWord { text, tokens }| {
        let end = begin + tokens.len();
        let known = alignment.token_probabilities.iter().skip(begin).take(tokens.len());
        let word = AlignedWord {
            word: text,
            start: at(begin),
            end: at(end),
            probability: mean(known.map(|&probability| f64::from(probability))),
            tokens,
        };
        begin = end;
        word
    });
    words.collect()
}

/// When the path first reaches each token, in seconds from the window's start.
fn reached_seconds(path: &[(usize, usize)]) -> Vec<f64> {
    let mut previous = None;
    let mut seconds = Vec::new();
    for &(token, frame) in path {
        if previous.replace(token) != Some(token) {
            seconds.push(frame as f64 / ALIGNMENT_FRAMES_PER_SECOND);
        }
    }
    seconds
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(lengths: &[usize]) -> Vec<TokenWord> {
        lengths.iter().map(|&n| TokenWord { text: format!(" {n}"), tokens: vec![7; n] }).collect()
    }

    fn times(alignment: &Alignment, lengths: &[usize]) -> Vec<(f64, f64, f64)> {
        let words = aligned_words(alignment, words(lengths)).into_iter();
        words.map(|word| (word.start, word.end, word.probability)).collect()
    }

    #[test]
    fn a_word_lasts_from_its_first_token_to_the_one_after_its_last() {
        let alignment = Alignment {
            path: vec![(0, 0), (0, 1), (0, 4), (1, 5), (2, 5), (2, 9), (3, 10), (3, 11)],
            token_probabilities: vec![0.5, 0.25, 0.75],
        };
        assert_eq!(times(&alignment, &[1, 2]), [(0.0, 0.1, 0.5), (0.1, 0.2, 0.5)]);
        assert_eq!(times(&alignment, &[3]), [(0.0, 0.2, 0.5)]);
        assert_eq!(times(&alignment, &[]), []);
    }

    #[test]
    fn an_empty_alignment_gives_no_words() {
        let alignment = Alignment { path: vec![], token_probabilities: vec![0.5] };
        assert_eq!(times(&alignment, &[1]), []);
        assert_eq!(times(&Alignment::default(), &[]), []);
    }

    #[test]
    fn words_beyond_the_alignment_stand_at_its_end() {
        let alignment = Alignment { path: vec![(0, 0), (1, 50)], token_probabilities: vec![0.5] };
        assert_eq!(times(&alignment, &[2, 1]), [(0.0, 1.0, 0.5), (1.0, 1.0, 0.0)]);
    }
}
