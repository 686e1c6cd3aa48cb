//! Cutting a window's tokens into segments, and where the next window begins.

use crate::features::FRAMES_PER_SECOND;
use crate::tokenizer::SpecialTokens;
use crate::words::DraftSegment;

/// Seconds that one timestamp token is later than the one before.
const SECONDS_PER_TIMESTAMP: f64 = 0.02;
/// Frames of the spectrogram in that time.
const FRAMES_PER_TIMESTAMP: usize = 2;

/// A window's segments and the next window's first frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The segments, in the order they were written.
    pub segments: Vec<DraftSegment>,
    /// Where the next window begins: at this window's own start if it ends with a pair at its very start.
    pub next_seek: usize,
    /// Whether a single timestamp ends the tokens: nobody speaks after it.
    pub single_ending: bool,
}

/// The time of a frame, in seconds.
pub(super) fn seconds(frames: usize) -> f64 {
    frames as f64 * (1.0 / FRAMES_PER_SECOND as f64)
}

/// Cuts `tokens`, written for the window of `size` frames at frame `seek`, at each pair of timestamps.
///
/// A single timestamp at the end says that nobody speaks after it, so the next window follows this one; else what
/// comes after the last pair is unfinished and the next window begins at that pair. Without a pair there is one segment.
#[must_use]
pub fn split_at_timestamps(special: &SpecialTokens, tokens: &[u32], seek: usize, size: usize) -> Split {
    let is_timestamp = |token: u32| special.is_timestamp(token);
    let position = |token: u32| f64::from(token) - f64::from(special.timestamp_begin);
    let offset = seconds(seek);
    let single_ending = matches!(tokens, [.., before, last] if !is_timestamp(*before) && is_timestamp(*last));

    let mut ends: Vec<usize> =
        (1..tokens.len()).filter(|&i| is_timestamp(tokens[i]) && is_timestamp(tokens[i - 1])).collect();
    let Some(&last_pair) = ends.last() else {
        let last = tokens.iter().rfind(|&&token| is_timestamp(token));
        let duration = match last {
            Some(&token) if token != special.timestamp_begin => position(token) * SECONDS_PER_TIMESTAMP,
            _ => seconds(size),
        };
        let segment = DraftSegment {
            seek,
            start: offset,
            end: offset + duration,
            tokens: tokens.to_vec(),
            words: Vec::new(),
        };
        return Split { segments: vec![segment], next_seek: seek + size, single_ending };
    };
    if single_ending {
        ends.push(tokens.len());
    }
    let mut segments = Vec::with_capacity(ends.len());
    let mut begin = 0;
    for end in ends {
        let tokens = &tokens[begin..end];
        if let (Some(&first), Some(&last)) = (tokens.first(), tokens.last()) {
            segments.push(DraftSegment {
                seek,
                start: offset + position(first) * SECONDS_PER_TIMESTAMP,
                end: offset + position(last) * SECONDS_PER_TIMESTAMP,
                tokens: tokens.to_vec(),
                words: Vec::new(),
            });
        }
        begin = end;
    }
    let spoken = (tokens[last_pair - 1] - special.timestamp_begin) as usize * FRAMES_PER_TIMESTAMP;
    let advance = if single_ending { size } else { spoken };
    Split { segments, next_seek: seek + advance, single_ending }
}

#[cfg(test)]
mod tests {
    use super::super::prompt::special_tokens;
    use super::*;

    fn split(tokens: &[u32], seek: usize, size: usize) -> (Vec<(f64, f64, usize)>, usize) {
        let split = split_at_timestamps(&special_tokens(), tokens, seek, size);
        let cuts = split.segments.iter().map(|cut| (cut.start, cut.end, cut.tokens.len())).collect();
        assert!(split.segments.iter().all(|segment| segment.seek == seek && segment.words.is_empty()));
        (cuts, split.next_seek)
    }

    #[test]
    fn no_timestamps_give_one_segment_of_the_whole_window() {
        assert_eq!(split(&[1, 2], 100, 500), (vec![(1.0, 6.0, 2)], 600));
        assert_eq!(split(&[2000, 1, 2], 100, 500), (vec![(1.0, 6.0, 3)], 600));
        assert_eq!(split(&[], 0, 3000), (vec![(0.0, 30.0, 0)], 3000));
    }

    #[test]
    fn a_single_ending_timestamp_ends_the_segment_and_the_window() {
        assert_eq!(split(&[2000, 1, 2100], 0, 3000), (vec![(0.0, 2.0, 3)], 3000));
        let tokens = [2000, 1, 2100, 2150, 2, 2200];
        assert_eq!(split(&tokens, 100, 3000), (vec![(1.0, 3.0, 3), (4.0, 5.0, 3)], 3100));
    }

    #[test]
    fn text_after_the_last_pair_is_left_to_the_next_window() {
        let tokens = [2000, 1, 2100, 2100, 2, 3];
        assert_eq!(split(&tokens, 0, 3000), (vec![(0.0, 2.0, 3)], 200));
        let tokens = [2000, 1, 2100, 2100, 2, 2200, 2200];
        assert_eq!(split(&tokens, 50, 3000), (vec![(0.5, 2.5, 3), (2.5, 4.5, 3)], 450));
    }
}
