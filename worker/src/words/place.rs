//! Giving a window's words to its segments, and settling where both begin and end.

use steno_shared::transcript::Word;

use super::durations::Durations;
use super::{AlignedWord, DraftSegment, Punctuation, merge_punctuation};
use crate::features::FRAMES_PER_SECOND;

/// How far a word may reach out of its segment before the segment's own time is believed, in seconds.
const LONGEST_OVERHANG: f64 = 0.5;

/// Gives the words of one window to its segments, in order, and settles the times of both; returns where speech last
/// ended, in seconds from the recording's start.
///
/// `words` are those that the segments' tokens below `eot` spell; a word that spans two segments goes to the first.
/// `last_speech` is where speech ended before this window. Times of words are rounded to hundredths as numpy rounds.
/// Within a segment words follow each other without overlap. Between segments a word may overlap the next by up to 0.4 s,
/// as in the reference: each segment's edge is settled by its own times. A segment without words keeps its times.
pub fn place_words(
    window: &mut [DraftSegment],
    mut words: Vec<AlignedWord>,
    punctuation: Punctuation<'_>,
    eot: u32,
    last_speech: f64,
) -> f64 {
    let durations = Durations::of(&words);
    durations.shorten_at_sentence_ends(&mut words);
    merge_punctuation(&mut words, punctuation);

    let mut words = words.into_iter();
    let mut last_speech = last_speech;
    for segment in window {
        let offset = segment.seek as f64 / FRAMES_PER_SECOND as f64;
        let wanted = segment.tokens.iter().filter(|&&token| token < eot).count();
        segment.words = take_words(&mut words, wanted, offset);
        if !segment.words.is_empty() {
            settle_first(&mut segment.words, durations, last_speech);
            settle_edges(segment, durations.median);
            last_speech = segment.end;
        }
    }
    last_speech
}

/// The next words, until they hold `n_tokens` tokens; those without text, which were merged away, are left out.
fn take_words(words: &mut impl Iterator<Item = AlignedWord>, n_tokens: usize, offset: f64) -> Vec<Word> {
    let mut taken = Vec::new();
    let mut saved = 0;
    while saved < n_tokens {
        let Some(word) = words.next() else { break };
        saved += word.tokens.len();
        if !word.word.is_empty() {
            taken.push(Word {
                start: hundredths(offset + word.start),
                end: hundredths(offset + word.end),
                word: word.word,
                probability: word.probability,
            });
        }
    }
    taken
}

/// Shortens the first two words after a pause, which the alignment stretches into it.
fn settle_first(words: &mut [Word], durations: Durations, last_speech: f64) {
    let Durations { median, longest } = durations;
    let [first, rest @ ..] = words else { return };
    let mut second = rest.first_mut();
    let after_pause = first.end - last_speech > median * 4.0;
    let too_long = first.end - first.start > longest
        || second.as_ref().is_some_and(|second| second.end - first.start > longest * 2.0);
    if !(after_pause && too_long) {
        return;
    }
    if let Some(second) = second.as_mut().filter(|second| second.end - second.start > longest) {
        let boundary = (second.end / 2.0).max(second.end - longest);
        first.end = boundary;
        second.start = boundary;
    }
    first.start = (first.end - longest).max(0.0);
}

/// Lets segment and words begin and end together: at the words' times, unless a word reaches far out of the segment.
fn settle_edges(segment: &mut DraftSegment, median: f64) {
    if let Some(first) = segment.words.first_mut() {
        if segment.start < first.end && segment.start - LONGEST_OVERHANG > first.start {
            first.start = (first.end - median).min(segment.start).max(0.0);
        } else {
            segment.start = first.start;
        }
    }
    if let Some(last) = segment.words.last_mut() {
        if segment.end > last.start && segment.end + LONGEST_OVERHANG < last.end {
            last.end = (last.start + median).max(segment.end);
        } else {
            segment.end = last.end;
        }
    }
}

/// numpy's rounding to two decimals, which the reference's `round` is, its times being numpy's: not the nearest decimal
/// as Python rounds its own floats, but scaled, rounded half to even, and scaled back.
fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).round_ties_even() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.float64(x).__round__(2)`; Python's own floats would give 2.67 and 1.0 for the first and third.
    #[test]
    fn times_are_rounded_as_numpy_rounds() {
        let cases = [(2.675, 2.68), (0.285, 0.28), (1.005, 1.0), (0.125, 0.12), (0.135, 0.14), (1e-9, 0.0)];
        for (exact, rounded) in cases {
            assert_eq!(hundredths(exact), rounded, "{exact}");
        }
    }
}
