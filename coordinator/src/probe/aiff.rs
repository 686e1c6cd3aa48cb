//! AIFF and AIFF-C.

use super::fields::{seconds, tag, u16_be, u32_be, u64_be};
use super::ranged_reader::{RangedReader, Stop};

const CHUNKS_MAX: usize = 1000;

/// The length in seconds, by the frame count of `COMM`, or what of it the file has room for.
pub(super) fn length(reader: &mut RangedReader<'_>, start: u64) -> Result<f64, Stop> {
    let is_compressed = tag(&reader.read(start, 12)?, 8)? == *b"AIFC";
    let mut at = start + 12;
    let mut common = None;
    let mut sound_at = None;
    for _ in 0..CHUNKS_MAX {
        let Ok(header) = reader.read(at, 8) else { break };
        let (id, size) = (tag(&header, 0)?, u32_be(&header, 4)?);
        match &id {
            b"COMM" => common = Some(Common::parse(&reader.read_up_to(at + 8, 22)?, is_compressed)?),
            // Eight bytes of offset and block size stand before the sound.
            b"SSND" => sound_at = Some(at + 16),
            _ => {}
        }
        if common.is_some() && sound_at.is_some() {
            break;
        }
        at += 8 + u64::from(size) + u64::from(size % 2);
    }
    let common = common.ok_or(Stop::NotTold)?;
    let frames = match (common.frame_bytes, sound_at) {
        (Some(frame_bytes), Some(sound_at)) => {
            let room = reader.size_bytes().saturating_sub(sound_at) / frame_bytes;
            if common.frames == 0 { room } else { common.frames.min(room) }
        }
        _ => common.frames,
    };
    if !(1.0..=1e7).contains(&common.sample_rate) {
        return Err(Stop::NotTold);
    }
    seconds(frames, 1).map(|frames| frames / common.sample_rate)
}

struct Common {
    frames: u64,
    sample_rate: f64,
    /// Bytes of one frame, where they are constant.
    frame_bytes: Option<u64>,
}

impl Common {
    fn parse(body: &[u8], is_compressed: bool) -> Result<Self, Stop> {
        let (channels, frames, bits) = (u16_be(body, 0)?, u32_be(body, 2)?, u16_be(body, 6)?);
        let is_linear = !is_compressed
            || matches!(tag(body, 18), Ok(kind) if [b"NONE", b"sowt", b"twos", b"raw "].contains(&&kind));
        let frame_bytes = u64::from(channels) * u64::from(bits.div_ceil(8));
        Ok(Self {
            frames: frames.into(),
            sample_rate: extended(u16_be(body, 8)?, u64_be(body, 10)?),
            frame_bytes: (is_linear && frame_bytes > 0).then_some(frame_bytes),
        })
    }
}

/// An 80-bit IEEE 754 extended number.
fn extended(sign_and_exponent: u16, mantissa: u64) -> f64 {
    let exponent = i32::from(sign_and_exponent & 0x7FFF) - 16383 - 63;
    mantissa as f64 * f64::from(exponent).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_numbers() {
        assert_eq!(extended(0x400E, 0xAC44_0000_0000_0000), 44_100.0);
        assert_eq!(extended(0x400B, 0xFA00_0000_0000_0000), 8_000.0);
    }
}
