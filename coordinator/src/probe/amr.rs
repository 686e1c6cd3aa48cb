//! AMR and AMR-WB as phones record them: frames of 20 ms whose first byte tells their size.

use super::length::Length;
use super::ranged_reader::{RangedReader, Stop};
use super::sampled_rate::{self, Frame};

/// Which of the two codecs.
#[derive(Clone, Copy)]
pub(super) enum Band {
    Narrow,
    Wide,
}

/// The length: nothing but the frames themselves tells it.
pub(super) fn length(reader: &mut RangedReader<'_>, band: Band) -> Result<Length, Stop> {
    let (start, frame_bytes): (u64, [usize; 16]) = match band {
        Band::Narrow => (6, [13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1]),
        Band::Wide => (9, [18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1]),
    };
    let end = reader.size_bytes();
    sampled_rate::length(reader, start, end, false, |bytes| {
        let kind = usize::from(bytes.first()? >> 3 & 0xF);
        Some(Frame { bytes: frame_bytes[kind], seconds: 0.02 })
    })
}
