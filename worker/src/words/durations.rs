//! How long the words of a window may last: alignments stretch them over the silences around them.

use super::AlignedWord;

/// Marks that end a sentence.
const SENTENCE_ENDS: &str = ".。!！?？";
/// Longest usual length of a word, in seconds.
const LONGEST_MEDIAN: f64 = 0.7;

/// Usual and longest length of a window's words, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Durations {
    /// Median of the lengths that are not 0, at most 0.7 s; 0 when there are none.
    pub(super) median: f64,
    /// Twice the median.
    pub(super) longest: f64,
}

impl Durations {
    /// The lengths of a window's words, marks included, before they are merged.
    pub(super) fn of(words: &[AlignedWord]) -> Self {
        let durations = words.iter().map(|word| word.end - word.start).filter(|&duration| duration != 0.0);
        let median = median(durations.collect()).min(LONGEST_MEDIAN);
        Self { median, longest: median * 2.0 }
    }

    /// Cuts a mark that ends a sentence, or the word after one, down to the longest length: the rest is a pause.
    pub(super) fn shorten_at_sentence_ends(&self, words: &mut [AlignedWord]) {
        for i in 1..words.len() {
            if words[i].end - words[i].start <= self.longest {
                continue;
            }
            if SENTENCE_ENDS.contains(&words[i].word) {
                words[i].end = words[i].start + self.longest;
            } else if SENTENCE_ENDS.contains(&words[i - 1].word) {
                words[i].start = words[i].end - self.longest;
            }
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(spoken: &[(&str, f64, f64)]) -> Vec<AlignedWord> {
        let word = |&(word, start, end): &(&str, f64, f64)| AlignedWord {
            word: word.into(),
            tokens: vec![1],
            start,
            end,
            probability: 1.0,
        };
        spoken.iter().map(word).collect()
    }

    #[test]
    fn the_median_leaves_out_what_lasts_no_time_and_is_capped() {
        let median = |spoken: &[(&str, f64, f64)]| Durations::of(&words(spoken)).median;
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[("a", 1.0, 1.0)]), 0.0);
        assert_eq!(median(&[("a", 1.0, 1.0), ("b", 1.0, 1.5)]), 0.5);
        assert_eq!(median(&[("a", 0.0, 0.25), ("b", 0.0, 0.5)]), 0.375);
        assert_eq!(median(&[("a", 0.0, 9.0)]), 0.7);
    }

    #[test]
    fn only_words_at_a_sentence_s_end_are_cut() {
        let durations = Durations { median: 0.5, longest: 1.0 };
        let mut spoken = words(&[
            (" a", 0.0, 3.0),
            (".", 3.0, 5.0),
            (" b", 5.0, 8.0),
            (" c", 8.0, 11.0),
            ("?!", 11.0, 14.0),
            ("？", 14.0, 14.5),
        ]);
        durations.shorten_at_sentence_ends(&mut spoken);
        let times: Vec<(f64, f64)> = spoken.iter().map(|word| (word.start, word.end)).collect();
        let expected = [(0.0, 3.0), (3.0, 4.0), (7.0, 8.0), (8.0, 11.0), (11.0, 14.0), (14.0, 14.5)];
        assert_eq!(times, expected);
    }
}
