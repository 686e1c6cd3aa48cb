//! AVI: the audio stream's header, or else the main header's frame count.

use super::fields::{seconds, tag, u32_le};
use super::ranged_reader::{RangedReader, Stop};

const CHUNKS_MAX: usize = 1000;

/// The length of the first audio stream, in seconds.
pub(super) fn length(reader: &mut RangedReader<'_>) -> Result<f64, Stop> {
    let mut at = 12;
    let mut by_frames = Err(Stop::NotTold);
    for _ in 0..CHUNKS_MAX {
        let header = reader.read_up_to(at, 12)?;
        let (id, size) = (tag(&header, 0)?, u32_le(&header, 4)?);
        match &id {
            b"LIST" if matches!(tag(&header, 8), Ok(list) if &list == b"hdrl" || &list == b"strl") => {
                at += 12;
                continue;
            }
            b"LIST" if tag(&header, 8) == Ok(*b"movi") => break,
            b"avih" => {
                let body = reader.read(at + 8, 20)?;
                let (frame_us, frames) = (u32_le(&body, 0)?, u32_le(&body, 16)?);
                by_frames = seconds(u64::from(frame_us) * u64::from(frames), 1_000_000);
            }
            b"strh" => {
                let body = reader.read(at + 8, 36)?;
                if tag(&body, 0)? == *b"auds" {
                    let (scale, rate, count) = (u32_le(&body, 20)?, u32_le(&body, 24)?, u32_le(&body, 32)?);
                    if count > 0 {
                        return seconds(u64::from(count) * u64::from(scale), rate.into());
                    }
                }
            }
            _ => {}
        }
        at += 8 + u64::from(size) + u64::from(size % 2);
    }
    by_frames.and_then(|seconds| if seconds > 0.0 { Ok(seconds) } else { Err(Stop::NotTold) })
}
