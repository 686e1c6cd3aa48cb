//! Native FLAC.

use steno_shared::flac::rate_and_samples;

use super::fields::{seconds, u16_be};
use super::ranged_reader::{RangedReader, Stop};

/// How far from the end the last frame's header is looked for.
const TAIL_BYTES: u64 = 256 * 1024;

/// The length in seconds: by STREAMINFO, or by the last frame where that was written without knowing.
pub(super) fn length(reader: &mut RangedReader<'_>, start: u64) -> Result<f64, Stop> {
    let body = reader.read(start + 8, 34)?;
    let (sample_rate, samples) = rate_and_samples(&body).ok_or(Stop::NotTold)?;
    if samples > 0 {
        return seconds(samples, sample_rate);
    }
    let tail_at = reader.size_bytes().saturating_sub(TAIL_BYTES).max(start + 42);
    let tail = reader.read_up_to(tail_at, TAIL_BYTES)?;
    let end = (0..tail.len()).rev().find_map(|at| frame_end(tail.get(at..)?, u16_be(&body, 0).ok()?));
    seconds(end.ok_or(Stop::NotTold)?, sample_rate)
}

/// The sample number after the frame that `bytes` starts with, if its header is one by its checksum too.
fn frame_end(bytes: &[u8], fixed_block_samples: u16) -> Option<u64> {
    let [sync, strategy, codes, ..] = *bytes else { return None };
    if sync != 0xFF || strategy & 0xFE != 0xF8 {
        return None;
    }
    let is_variable = strategy & 1 == 1;
    let (number, number_bytes) = coded_number(bytes.get(4..)?)?;
    let mut at = 4 + number_bytes;
    let block_samples = match codes >> 4 {
        0 => return None,
        1 => 192,
        code @ 2..=5 => 576 << (code - 2),
        6 => {
            at += 1;
            u64::from(*bytes.get(at - 1)?) + 1
        }
        7 => {
            at += 2;
            u64::from(u16_be(bytes, at - 2).ok()?) + 1
        }
        code => 256 << (code - 8),
    };
    at += match codes & 0xF {
        12 => 1,
        13 | 14 => 2,
        15 => return None,
        _ => 0,
    };
    if crc8(bytes.get(..at)?) != *bytes.get(at)? {
        return None;
    }
    let first = if is_variable { number } else { number * u64::from(fixed_block_samples) };
    Some(first + block_samples)
}

/// A number of up to 36 bits in the manner of UTF-8, and how many bytes it takes.
fn coded_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let ones = first.leading_ones();
    let follow = match ones {
        0 => return Some((first.into(), 1)),
        2..=7 => ones as usize - 1,
        _ => return None,
    };
    let mut value = u64::from(first) & ((1 << (7 - ones)) - 1);
    for byte in bytes.get(1..=follow)? {
        if byte >> 6 != 0b10 {
            return None;
        }
        value = value << 6 | u64::from(byte & 0x3F);
    }
    Some((value, follow + 1))
}

/// CRC-8 with polynomial 0x07, as in FLAC's frame headers.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 7 })
    })
}
