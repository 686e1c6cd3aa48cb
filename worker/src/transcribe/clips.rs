//! The parts of a recording that are transcribed.

use crate::features::FRAMES_PER_SECOND;

/// A part of the recording, in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clip {
    /// Its first frame.
    pub start: usize,
    /// The frame after its last.
    pub end: usize,
}

/// The clips between start, end, start, end, … in seconds; a last start without an end goes to the end of the
/// `content_frames`. No seconds at all are the whole recording.
///
/// Clips are kept in the order given; those without a frame of content are left out.
#[must_use]
pub fn clips(seconds: &[f64], content_frames: usize) -> Vec<Clip> {
    let mut frames: Vec<usize> = seconds.iter().map(|&seconds| frame(seconds)).collect();
    if frames.is_empty() {
        frames.push(0);
    }
    frames
        .chunks(2)
        .map(|clip| Clip {
            start: clip[0],
            end: clip.get(1).map_or(content_frames, |&end| end.min(content_frames)),
        })
        .filter(|clip| clip.start < clip.end)
        .collect()
}

/// The nearest frame, of two equally near the even one.
pub(super) fn frame(seconds: f64) -> usize {
    (seconds * FRAMES_PER_SECOND as f64).round_ties_even().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seconds: &[f64]) -> Vec<(usize, usize)> {
        clips(seconds, 1000).into_iter().map(|clip| (clip.start, clip.end)).collect()
    }

    #[test]
    fn odd_counts_go_to_the_end_and_nothing_is_the_whole() {
        assert_eq!(of(&[]), [(0, 1000)]);
        assert_eq!(of(&[0.0]), [(0, 1000)]);
        assert_eq!(of(&[2.5]), [(250, 1000)]);
        assert_eq!(of(&[1.0, 2.0, 4.004]), [(100, 200), (400, 1000)]);
        assert_eq!(of(&[0.125, 0.135]), [(12, 14)], "half a frame goes to the even one");
    }

    #[test]
    fn clips_end_with_the_recording_and_may_go_back() {
        assert_eq!(of(&[8.0, 12.0]), [(800, 1000)]);
        assert_eq!(of(&[10.0, 12.0]), []);
        assert_eq!(of(&[5.0, 6.0, 1.0, 2.0]), [(500, 600), (100, 200)]);
    }
}
