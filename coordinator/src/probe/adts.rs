//! Raw AAC in ADTS frames.

use super::length::Length;
use super::ranged_reader::{RangedReader, Stop};
use super::sampled_rate::{self, Frame};

const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// The length: nothing but the frames themselves tells it.
pub(super) fn length(reader: &mut RangedReader<'_>, start: u64) -> Result<Length, Stop> {
    let end = reader.size_bytes();
    sampled_rate::length(reader, start, end, true, frame)
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    let [sync, flags, rates, c, d, e, f, ..] = *bytes else { return None };
    if sync != 0xFF || flags & 0xF6 != 0xF0 {
        return None;
    }
    let sample_rate = *SAMPLE_RATES.get(usize::from(rates >> 2 & 0xF))?;
    let frame_bytes = usize::from(c & 3) << 11 | usize::from(d) << 3 | usize::from(e >> 5);
    let samples = 1024 * (u32::from(f & 3) + 1);
    (frame_bytes > 7)
        .then(|| Frame { bytes: frame_bytes, seconds: f64::from(samples) / f64::from(sample_rate) })
}
