//! WAVE, RF64/BW64 and Sony Wave64.

use super::fields::{seconds, tag, u16_le, u32_le, u64_le};
use super::length::Length;
use super::ranged_reader::{RangedReader, Stop};

/// A declared size from here on is what programs write that cannot go back to correct it.
const STREAMED_BYTES_MIN: u64 = 0x7FFF_0000;

/// Chunks looked at before the sound data; real files have a handful.
const CHUNKS_MAX: usize = 1000;

/// The fields of `fmt ` that tell a length.
#[derive(Clone, Copy)]
struct Format {
    is_linear: bool,
    sample_rate: u32,
    bytes_per_second: u32,
    block_align: u16,
}

impl Format {
    fn parse(body: &[u8]) -> Result<Self, Stop> {
        let channels = u16_le(body, 2)?;
        let bits = u16_le(body, 14).unwrap_or(0);
        let align = u16_le(body, 12)?;
        let kind = u16_le(body, 0)?;
        Ok(Self {
            // PCM, float, A-law, µ-law; 0xFFFE says more, further on: the first two bytes of its GUID.
            is_linear: matches!(kind, 1 | 3 | 6 | 7)
                || kind == 0xFFFE && matches!(u16_le(body, 24), Ok(1 | 3 | 6 | 7)),
            sample_rate: u32_le(body, 4)?,
            bytes_per_second: u32_le(body, 8)?,
            block_align: if align > 0 { align } else { channels.saturating_mul(bits.div_ceil(8)) },
        })
    }

    fn seconds(self, data_bytes: u64, fact_samples: Option<u32>) -> Result<f64, Stop> {
        if self.is_linear {
            return seconds(data_bytes / u64::from(self.block_align.max(1)), self.sample_rate.into());
        }
        let by_rate = seconds(data_bytes, self.bytes_per_second.into());
        match (fact_samples.map(|samples| seconds(samples.into(), self.sample_rate.into())), by_rate) {
            // Compressed: `fact` counts exactly, unless the file was cut short or the count never filled in.
            (Some(Ok(by_fact)), Ok(by_rate)) if (by_fact - by_rate).abs() <= 0.05 * by_rate + 0.5 => {
                Ok(by_fact)
            }
            (Some(by_fact), Err(_)) => by_fact,
            (_, by_rate) => by_rate,
        }
    }
}

/// The length of a RIFF, RF64 or BW64 WAVE file whose `RIFF` stands at `start`, in seconds.
///
/// A data size of zero, of 2³²−1 (written when streaming) or beyond the object's end means: up to the end.
pub(super) fn length(reader: &mut RangedReader<'_>, start: u64) -> Result<Length, Stop> {
    let mut at = start + 12;
    let mut format = None;
    let mut fact_samples = None;
    let mut long_data_bytes = None;
    for _ in 0..CHUNKS_MAX {
        let header = reader.read(at, 8)?;
        let (id, declared) = (tag(&header, 0)?, u32_le(&header, 4)?);
        let body = at + 8;
        match &id {
            b"fmt " => format = Some(Format::parse(&reader.read_up_to(body, u64::from(declared).min(40))?)?),
            b"fact" => fact_samples = u32_le(&reader.read_up_to(body, 4)?, 0).ok(),
            b"ds64" => long_data_bytes = u64_le(&reader.read_up_to(body, 16)?, 8).ok(),
            b"data" => {
                let declared = match declared {
                    u32::MAX => long_data_bytes.unwrap_or(u64::MAX),
                    size => u64::from(size),
                };
                let left = reader.size_bytes() - body;
                let data_bytes = present(declared, left);
                let seconds = format.ok_or(Stop::NotTold)?.seconds(data_bytes, fact_samples)?;
                let is_cut_off = data_bytes < declared && declared < STREAMED_BYTES_MIN;
                return Ok(if is_cut_off { Length::CutOff(seconds) } else { Length::Told(seconds) });
            }
            _ => {}
        }
        at = body + u64::from(declared) + u64::from(declared % 2);
    }
    Err(Stop::NotTold)
}

/// The length of a Sony Wave64 file, in seconds.
pub(super) fn wave64_length(reader: &mut RangedReader<'_>) -> Result<f64, Stop> {
    let mut at = 40;
    let mut format = None;
    for _ in 0..CHUNKS_MAX {
        let header = reader.read(at, 24)?;
        // Sizes include the 24 bytes of the header.
        let (id, declared) = (tag(&header, 0)?, u64_le(&header, 16)?);
        let body = at + 24;
        match &id {
            b"fmt " => format = Some(Format::parse(&reader.read_up_to(body, 40)?)?),
            b"data" => {
                let data_bytes = present(declared.saturating_sub(24), reader.size_bytes() - body);
                return format.ok_or(Stop::NotTold)?.seconds(data_bytes, None);
            }
            _ => {}
        }
        at = at
            .checked_add(declared.max(24))
            .and_then(|end| end.checked_next_multiple_of(8))
            .ok_or(Stop::NotTold)?;
    }
    Err(Stop::NotTold)
}

fn present(declared: u64, left: u64) -> u64 {
    if declared == 0 { left } else { declared.min(left) }
}
