//! Where the walk goes on once a window's words have their times, and which of its segments are probably made up.

use super::Split;
use super::clips::frame;
use super::split::seconds;
use crate::words::DraftSegment;

/// A window that was written and whose words have their times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// Its first frame.
    pub seek: usize,
    /// Its length in frames.
    pub size: usize,
    /// Frames of a window that no end cuts short.
    pub window_frames: usize,
    /// Frames of the recording.
    pub content_frames: usize,
    /// End of the last word before this window, in seconds.
    pub last_speech: f64,
}

/// What a window with word times comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// The segments stand, and the walk goes on at this frame.
    Spoken(Split),
    /// The text is probably made up, after a silence that lasts to this frame: the window is to be heard again from there.
    SilenceUntil(usize),
}

/// Settles where the next window begins: where the last word ends, unless nobody speaks after it.
///
/// With a `threshold` in seconds, a first segment that is an anomaly after a longer silence is not taken; and the segments
/// from the first anomaly on that has silence, another anomaly or the window's edge on both sides are dropped, to be heard
/// again from a window that begins with them, or not at all if hardly anything follows them.
#[must_use]
pub fn settle_words(
    mut split: Split,
    heard: Heard,
    threshold: Option<f64>,
    is_anomaly: impl Fn(&DraftSegment) -> bool,
) -> Settled {
    let offset = seconds(heard.seek);
    if !split.single_ending
        && let Some(end) = speech_end(&split.segments)
        && end > offset
    {
        split.next_seek = frame(end);
    }
    let Some(threshold) = threshold else { return Settled::Spoken(split) };

    if let Some(first) = split.segments.iter().find(|segment| !segment.words.is_empty())
        && is_anomaly(first)
        && first.start - offset > threshold
    {
        return Settled::SilenceUntil(heard.seek + frame(first.start - offset));
    }
    if let Some(index) = surrounded_anomaly(&split.segments, heard, threshold, is_anomaly) {
        let segment = &split.segments[index];
        let rest = seconds(heard.content_frames) - segment.end;
        split.next_seek =
            if rest < threshold { heard.content_frames } else { frame(segment.start.max(offset + 1.0)) };
        split.segments.truncate(index);
    }
    Settled::Spoken(split)
}

/// End of the last word, or of the last segment if none has words; in seconds.
#[must_use]
pub fn speech_end(segments: &[DraftSegment]) -> Option<f64> {
    let last_word = segments.iter().rev().find_map(|segment| segment.words.last()).map(|word| word.end);
    last_word.or_else(|| segments.last().map(|segment| segment.end))
}

/// The first segment that is an anomaly with silence on both sides, or what counts as such.
fn surrounded_anomaly(
    segments: &[DraftSegment],
    heard: Heard,
    threshold: f64,
    is_anomaly: impl Fn(&DraftSegment) -> bool,
) -> Option<usize> {
    let offset = seconds(heard.seek);
    let window_end = seconds(heard.seek + heard.window_frames);
    let spoken: Vec<(usize, &DraftSegment)> =
        segments.iter().enumerate().filter(|(_, segment)| !segment.words.is_empty()).collect();
    let mut last_end = heard.last_speech;
    for (place, &(index, segment)) in spoken.iter().enumerate() {
        let next = spoken.get(place + 1).map(|&(_, next)| next);
        if is_anomaly(segment) {
            let next_start = next
                .and_then(|next| next.words.first())
                .map_or(offset + seconds(heard.size), |word| word.start);
            let silence_before = segment.start - last_end > threshold
                || segment.start < threshold
                || segment.start - offset < 2.0;
            let silence_after = next_start - segment.end > threshold
                || next.is_some_and(&is_anomaly)
                || window_end - segment.end < 2.0;
            if silence_before && silence_after {
                return Some(index);
            }
        }
        last_end = segment.end;
    }
    None
}

#[cfg(test)]
mod tests {
    use steno_shared::transcript::Word;

    use super::*;

    /// A segment of one word; a token of 1 marks an anomaly.
    fn segment(start: f64, end: f64, anomaly: bool) -> DraftSegment {
        let word = Word { start, end, word: " a".into(), probability: 0.5 };
        DraftSegment { seek: 1000, start, end, tokens: vec![u32::from(anomaly)], words: vec![word] }
    }

    fn wordless(start: f64, end: f64) -> DraftSegment {
        DraftSegment { words: vec![], ..segment(start, end, false) }
    }

    fn settle(segments: &[DraftSegment], threshold: Option<f64>) -> Settled {
        let split = Split { segments: segments.to_vec(), next_seek: 3500, single_ending: false };
        let heard =
            Heard { seek: 1000, size: 3000, window_frames: 3000, content_frames: 6000, last_speech: 9.5 };
        settle_words(split, heard, threshold, |segment| segment.tokens == [1])
    }

    fn spoken(segments: &[DraftSegment], threshold: Option<f64>) -> (usize, usize) {
        match settle(segments, threshold) {
            Settled::Spoken(split) => (split.segments.len(), split.next_seek),
            Settled::SilenceUntil(frame) => panic!("silence until {frame}"),
        }
    }

    #[test]
    fn the_next_window_begins_after_the_last_word() {
        assert_eq!(spoken(&[segment(10.0, 12.345, false)], None), (1, 1234));
        assert_eq!(spoken(&[segment(10.0, 12.0, false), wordless(12.0, 14.0)], None), (2, 1200));
        assert_eq!(spoken(&[wordless(12.0, 14.0)], None), (1, 1400));
        assert_eq!(spoken(&[segment(9.0, 10.0, false)], None), (1, 3500), "it ends before the window");
        assert_eq!(spoken(&[], None), (0, 3500));

        let split =
            Split { segments: vec![segment(10.0, 12.0, false)], next_seek: 4000, single_ending: true };
        let heard =
            Heard { seek: 1000, size: 3000, window_frames: 3000, content_frames: 6000, last_speech: 0.0 };
        assert_eq!(settle_words(split.clone(), heard, None, |_| false), Settled::Spoken(split));
    }

    #[test]
    fn an_anomaly_after_silence_is_heard_again() {
        let segments = [wordless(10.0, 11.0), segment(13.0, 14.0, true), segment(14.0, 20.0, false)];
        assert_eq!(settle(&segments, Some(2.0)), Settled::SilenceUntil(1300));
        assert_eq!(spoken(&segments, Some(3.0)), (3, 2000), "the silence is not longer than that");
        assert_eq!(spoken(&segments, None), (3, 2000));
    }

    #[test]
    fn an_anomaly_between_silences_is_dropped_with_what_follows() {
        let last = segment(30.0, 31.0, false);
        let segments = [segment(10.0, 15.0, false), segment(18.0, 20.0, true), last];
        assert_eq!(spoken(&segments, Some(2.0)), (1, 1800));
        assert_eq!(spoken(&segments, Some(4.0)), (3, 3100), "there is sound before");
        let near = [segment(10.0, 15.0, false), segment(18.0, 29.0, true), segment(30.0, 31.0, false)];
        assert_eq!(spoken(&near, Some(2.0)), (3, 3100), "there is sound after");
        let two = [segment(10.0, 15.0, false), segment(18.0, 29.0, true), segment(30.0, 31.0, true)];
        assert_eq!(spoken(&two, Some(2.0)), (1, 1800), "what follows is made up too");
    }

    #[test]
    fn an_anomaly_at_the_window_s_start_moves_it_by_a_second() {
        let segments = [segment(10.5, 11.0, true), segment(30.0, 31.0, false)];
        assert_eq!(spoken(&segments, Some(2.0)), (0, 1100));
    }

    #[test]
    fn nothing_is_heard_again_after_an_anomaly_at_the_recording_s_end() {
        let segments = [segment(10.0, 15.0, false), segment(38.0, 39.5, true)];
        assert_eq!(spoken(&segments, Some(2.0)), (1, 3800));
        let split = Split { segments: segments.to_vec(), next_seek: 3950, single_ending: false };
        let heard =
            Heard { seek: 1000, size: 3000, window_frames: 3000, content_frames: 4000, last_speech: 9.5 };
        let settled = settle_words(split, heard, Some(2.0), |segment| segment.tokens == [1]);
        assert!(matches!(settled, Settled::Spoken(split) if split.next_seek == 4000));
    }
}
