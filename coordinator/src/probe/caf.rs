//! Apple's Core Audio Format.

use super::fields::{seconds, tag, u32_be, u64_be};
use super::ranged_reader::{RangedReader, Stop};

const CHUNKS_MAX: usize = 1000;

/// The length in seconds: by the data's size for constant packets, by the packet table otherwise.
pub(super) fn length(reader: &mut RangedReader<'_>) -> Result<f64, Stop> {
    let size_bytes = reader.size_bytes();
    let mut at: u64 = 8;
    let (mut description, mut data_bytes, mut valid_frames) = (None, None, None);
    for _ in 0..CHUNKS_MAX {
        let Ok(header) = reader.read(at, 12) else { break };
        let (id, declared) = (tag(&header, 0)?, u64_be(&header, 4)?);
        let body = at + 12;
        let size = declared.min(size_bytes - body);
        match &id {
            b"desc" => description = Some(Description::parse(&reader.read(body, 32)?)?),
            // Four bytes of edit count stand before the sound; a size of −1 means: up to the end.
            b"data" => data_bytes = Some(size.saturating_sub(4)),
            b"pakt" => valid_frames = Some(u64_be(&reader.read(body, 16)?, 8)?),
            _ => {}
        }
        at = body + size;
    }
    let description = description.ok_or(Stop::NotTold)?;
    let frames = match (description.packet_bytes, data_bytes, valid_frames) {
        (1.., Some(data_bytes), _) => {
            data_bytes / u64::from(description.packet_bytes) * u64::from(description.packet_frames)
        }
        (_, _, Some(frames)) => frames,
        _ => return Err(Stop::NotTold),
    };
    if !(1.0..=1e7).contains(&description.sample_rate) {
        return Err(Stop::NotTold);
    }
    seconds(frames, 1).map(|frames| frames / description.sample_rate)
}

struct Description {
    sample_rate: f64,
    /// Zero when packets differ in size.
    packet_bytes: u32,
    packet_frames: u32,
}

impl Description {
    fn parse(body: &[u8]) -> Result<Self, Stop> {
        Ok(Self {
            sample_rate: f64::from_bits(u64_be(body, 0)?),
            packet_bytes: u32_be(body, 16)?,
            packet_frames: u32_be(body, 20)?,
        })
    }
}
