//! From a window's tokens to its segments, where no other window comes after it.

use crate::tokenizer::SpecialTokens;
use crate::transcribe::split_at_timestamps;
use crate::words::DraftSegment;

/// A rest of a window that is shorter than this, in seconds, is not heard again: there is next to no word in it, and
/// models make one up.
pub(super) const SHORTEST_REST: f64 = 1.0;
/// Seconds that one timestamp token is later than the one before.
pub(super) const SECONDS_PER_TIMESTAMP: f64 = 0.02;

/// What a window's tokens are.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowText {
    /// The segments, in seconds from the window's start and never beyond its end.
    pub segments: Vec<DraftSegment>,
    /// From where on, in seconds from the window's start, the window is to be heard again: the model stopped there,
    /// though it did not say that nobody speaks after it.
    pub rest_from: Option<f64>,
}

/// Cuts the tokens of a window of `seconds` at each pair of timestamps, as the sequential mode does.
///
/// There the next window begins at the last pair, so that what was left unfinished is heard again. Here no window
/// comes after this one:
/// - text after the last pair stays, as a last segment to the window's end;
/// - where the tokens end with the pair, or end because no more were allowed (`cut_short`), the rest of the window is
///   to be heard as a window of its own.
#[must_use]
pub fn cut_window(special: &SpecialTokens, tokens: &[u32], seconds: f64, cut_short: bool) -> WindowText {
    let is_timestamp = |token: &u32| special.is_timestamp(*token);
    // The frames of the window's size only tell where a next window would begin, and where text without a timestamp
    // ends: beyond the window's end, so it is held within it.
    let mut segments = split_at_timestamps(special, tokens, 0, frames_of(seconds)).segments;
    let last_pair =
        (1..tokens.len()).rev().find(|&i| is_timestamp(&tokens[i]) && is_timestamp(&tokens[i - 1]));
    let single_ending = matches!(tokens, [.., before, last] if !is_timestamp(before) && is_timestamp(last));
    let mut rest_from = None;
    if let Some(last_pair) = last_pair
        && !single_ending
    {
        let rest = &tokens[last_pair..];
        let at = f64::from(tokens[last_pair - 1] - special.timestamp_begin) * SECONDS_PER_TIMESTAMP;
        let has_text = rest.iter().any(|token| *token < special.eot);
        if at > 0.0 && seconds - at >= SHORTEST_REST && (cut_short || !has_text) {
            rest_from = Some(at);
        } else if has_text {
            let start = f64::from(rest[0] - special.timestamp_begin) * SECONDS_PER_TIMESTAMP;
            segments.push(DraftSegment {
                seek: 0,
                start,
                end: seconds.max(start + SECONDS_PER_TIMESTAMP),
                tokens: rest.to_vec(),
                words: Vec::new(),
            });
        }
    }
    for cut in &mut segments {
        let is_text = cut.start < cut.end;
        // After a prefix the first token is no timestamp.
        cut.start = cut.start.clamp(0.0, seconds);
        cut.end = cut.end.clamp(cut.start, seconds);
        if is_text && cut.start >= cut.end {
            // It begins at the window's end or beyond, and is text all the same.
            cut.start = (seconds - SECONDS_PER_TIMESTAMP).max(0.0);
            cut.end = seconds;
        }
    }
    for later in (1..segments.len()).rev() {
        let start = segments[later].start;
        let before = &mut segments[later - 1];
        before.end = before.end.min(start.max(before.start));
    }
    WindowText { segments, rest_from }
}

fn frames_of(seconds: f64) -> usize {
    (seconds * crate::features::FRAMES_PER_SECOND as f64).ceil().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn special() -> SpecialTokens {
        SpecialTokens {
            eot: 1000,
            sot: 1001,
            sot_prev: 1002,
            no_speech: 1003,
            no_timestamps: 1999,
            timestamp_begin: 2000,
            sot_lm: None,
            transcribe: None,
            translate: None,
        }
    }

    fn cut(tokens: &[u32], seconds: f64, cut_short: bool) -> (Vec<(f64, f64, usize)>, Option<f64>) {
        let text = cut_window(&special(), tokens, seconds, cut_short);
        (text.segments.iter().map(|cut| (cut.start, cut.end, cut.tokens.len())).collect(), text.rest_from)
    }

    #[test]
    fn whole_segments_are_those_of_the_sequential_mode() {
        assert_eq!(
            cut(&[2000, 1, 2100, 2100, 2, 2200], 30.0, false),
            (vec![(0.0, 2.0, 3), (2.0, 4.0, 3)], None)
        );
        assert_eq!(cut(&[2000, 1, 2], 12.5, false), (vec![(0.0, 12.5, 3)], None));
        assert_eq!(cut(&[], 12.5, false).1, None);
    }

    #[test]
    fn text_after_the_last_pair_goes_to_the_window_s_end() {
        assert_eq!(
            cut(&[2000, 1, 2100, 2100, 2, 3], 30.0, false),
            (vec![(0.0, 2.0, 3), (2.0, 30.0, 3)], None)
        );
        let (cuts, rest) = cut(&[2000, 1, 2100, 2100, 2, 3], 30.0, true);
        assert_eq!((cuts.len(), rest), (1, Some(2.0)), "it was cut off, so it is heard again");
    }

    #[test]
    fn a_window_that_ends_with_a_pair_is_heard_again_from_there() {
        assert_eq!(cut(&[2000, 1, 2100, 2100], 30.0, false), (vec![(0.0, 2.0, 3)], Some(2.0)));
        assert_eq!(cut(&[2000, 1, 2100, 2100], 2.9, false).1, None, "there is next to nothing after it");
        assert_eq!(cut(&[2000, 2000], 30.0, false).1, None, "it would never end");
    }

    #[test]
    fn nothing_goes_beyond_the_window() {
        assert_eq!(cut(&[2000, 1, 2300], 5.0, false), (vec![(0.0, 5.0, 3)], None));
        let late = cut(&[2000, 1, 2100, 2400, 2, 2500], 5.0, false).0;
        assert_eq!(late, [(0.0, 2.0, 3), (4.98, 5.0, 3)], "text beyond the end is kept");
        let after_a_pair = cut(&[2000, 1, 2250, 2255, 2, 3], 5.0, false).0;
        assert_eq!(after_a_pair, [(0.0, 4.98, 3), (4.98, 5.0, 3)]);
    }

    proptest! {
        #[test]
        fn no_text_is_lost_and_times_are_within_the_window(
            tokens in prop::collection::vec(prop_oneof![0..1000_u32, 2000..3501_u32], 0..60),
            seconds in 0.1..30.0_f64,
            cut_short: bool,
        ) {
            let text = cut_window(&special(), &tokens, seconds, cut_short);
            for cut in &text.segments {
                prop_assert!((0.0..=seconds).contains(&cut.start) && (0.0..=seconds).contains(&cut.end));
                prop_assert!(cut.start <= cut.end);
            }
            let kept: Vec<u32> =
                text.segments.iter().flat_map(|cut| &cut.tokens).copied().filter(|token| *token < 1000).collect();
            let all: Vec<u32> = tokens.iter().copied().filter(|token| *token < 1000).collect();
            match text.rest_from {
                None => prop_assert_eq!(kept, all),
                Some(from) => {
                    prop_assert!(from > 0.0 && from < seconds);
                    prop_assert!(all.starts_with(&kept));
                }
            }
        }
    }
}
