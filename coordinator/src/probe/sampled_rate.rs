//! Streams of frames without an index: walked when short, sampled at a few places when long.

use super::length::Length;
use super::ranged_reader::{RangedReader, Stop};

/// Streams up to this many bytes are walked from end to end.
const WALK_BYTES_MAX: u64 = 256 * 1024;
/// Places looked at in longer ones, and the bytes at each.
const SAMPLES: u64 = 12;
const SAMPLE_BYTES: u64 = 16 * 1024;

/// One frame: what it takes and how long it lasts.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) bytes: usize,
    pub(super) seconds: f64,
}

/// Frames found in a run of bytes.
#[derive(Clone, Copy, Default)]
struct Walked {
    bytes: u64,
    seconds: f64,
}

/// The length of the frames in `[start, end)`, where `frame_at` parses the frame that some bytes begin with.
///
/// `self_syncing` says that a frame can be told from any place, by its header and the ones after it; otherwise
/// frames are only found one after another from the start, so only the beginning is sampled.
pub(super) fn length(
    reader: &mut RangedReader<'_>,
    start: u64,
    end: u64,
    self_syncing: bool,
    frame_at: impl Fn(&[u8]) -> Option<Frame>,
) -> Result<Length, Stop> {
    let total_bytes = end.checked_sub(start).ok_or(Stop::NotTold)?;
    if total_bytes <= WALK_BYTES_MAX {
        let walked = walk(&reader.read(start, total_bytes)?, self_syncing, &frame_at);
        return if walked.seconds > 0.0 { Ok(Length::Told(walked.seconds)) } else { Err(Stop::NotTold) };
    }
    let mut sampled = Walked::default();
    if self_syncing {
        // The middle of each of as many equal parts.
        let part = total_bytes / SAMPLES;
        for sample in 0..SAMPLES {
            let at = start + sample * part + (part - SAMPLE_BYTES) / 2;
            let bytes = reader.read_only(at, SAMPLE_BYTES)?;
            let walked = walk(&bytes, true, &frame_at);
            sampled.bytes += walked.bytes;
            sampled.seconds += walked.seconds;
        }
    } else {
        sampled = walk(&reader.read(start, WALK_BYTES_MAX)?, false, &frame_at);
    }
    if sampled.bytes == 0 || sampled.seconds <= 0.0 {
        return Err(Stop::NotTold);
    }
    Ok(Length::Sampled(sampled.seconds * total_bytes as f64 / sampled.bytes as f64))
}

/// How many frames in a row must fit before a place is taken for a frame's start.
const FRAMES_IN_A_ROW: usize = 3;

fn walk(bytes: &[u8], self_syncing: bool, frame_at: impl Fn(&[u8]) -> Option<Frame>) -> Walked {
    let mut walked = Walked::default();
    let mut at = 0;
    let mut is_synced = !self_syncing;
    while at < bytes.len() {
        let fits = |from: usize, frames: usize| {
            let mut from = from;
            for _ in 0..frames {
                match bytes.get(from..).filter(|rest| !rest.is_empty()).map(&frame_at) {
                    Some(Some(frame)) => from += frame.bytes,
                    Some(None) => return false,
                    // Beyond the bytes at hand nothing speaks against it.
                    None => return from > at && frames > 1,
                }
            }
            true
        };
        let needed = if is_synced { 1 } else { FRAMES_IN_A_ROW };
        match frame_at(&bytes[at..]).filter(|frame| frame.bytes > 0 && fits(at, needed)) {
            Some(frame) => {
                is_synced = true;
                // A frame that is cut off at the end counts for the part that is there.
                let here = frame.bytes.min(bytes.len() - at);
                walked.bytes += here as u64;
                walked.seconds += frame.seconds * here as f64 / frame.bytes as f64;
                at += frame.bytes;
            }
            None if self_syncing => {
                is_synced = false;
                at += 1;
            }
            None => break,
        }
    }
    walked
}
