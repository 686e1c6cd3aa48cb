//! MPEG audio, layers 1 to 3: MP3 and its elders.

use super::fields::{rfind, u32_be};
use super::length::Length;
use super::ranged_reader::{RangedReader, Stop};
use super::sampled_rate::{self, Frame};

/// How far the first frame may be from where the tags end.
const FIRST_FRAME_BYTES_MAX: u64 = 32 * 1024;

const KBIT_PER_SECOND: [[u32; 16]; 5] = [
    // MPEG 1, layers 1, 2, 3; MPEG 2 and 2.5, layer 1, layers 2 and 3
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
];

/// The length: by the Xing, Info or VBRI frame when there is one, by the bit rate when every frame looked at has
/// the same, by sampling otherwise.
pub(super) fn length(reader: &mut RangedReader<'_>, start: u64) -> Result<Length, Stop> {
    let head = reader.read_up_to(start, FIRST_FRAME_BYTES_MAX)?;
    let (first_at, first) = first_frame(&head).ok_or(Stop::NotTold)?;
    let audio_at = start + first_at as u64;
    let end = end_of_audio(reader)?;
    let audio_bytes = end.checked_sub(audio_at).ok_or(Stop::NotTold)?;
    let frame = head.get(first_at..).unwrap_or_default();
    if let Some(index) = Index::parse(frame, &first) {
        return Ok(index.length(&first, audio_bytes));
    }
    let sampled = sampled_rate::length(reader, audio_at, end, true, |bytes| {
        // Frames of another kind are chance bytes.
        let header = Header::parse(bytes).filter(|header| header.is_of_stream(&first))?;
        Some(Frame { bytes: header.frame_bytes(), seconds: header.seconds() })
    })?;
    let constant = audio_bytes as f64 * 8.0 / (f64::from(first.kbit_per_second) * 1000.0);
    Ok(match sampled {
        // Padding alone makes frames differ by a byte.
        Length::Sampled(seconds) if (seconds / constant - 1.0).abs() < 0.004 => Length::Told(constant),
        Length::Sampled(_) | Length::Told(_) | Length::CutOff(_) => sampled,
    })
}

#[derive(Clone, Copy)]
struct Header {
    /// 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5.
    version: u8,
    layer: u8,
    kbit_per_second: u32,
    sample_rate: u32,
    is_padded: bool,
    is_mono: bool,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let [sync, flags, rates, mode, ..] = *bytes else { return None };
        let (version, layer) = (flags >> 3 & 3, 4 - (flags >> 1 & 3));
        if sync != 0xFF || flags & 0xE0 != 0xE0 || version == 1 || layer == 4 {
            return None;
        }
        let row = match (version, layer) {
            (3, layer) => usize::from(layer) - 1,
            (_, 1) => 3,
            _ => 4,
        };
        let kbit_per_second = KBIT_PER_SECOND[row][usize::from(rates >> 4)];
        let sample_rate = *[44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))?
            >> match version {
                3 => 0,
                2 => 1,
                _ => 2,
            };
        (kbit_per_second > 0).then_some(Self {
            version,
            layer,
            kbit_per_second,
            sample_rate,
            is_padded: rates & 2 != 0,
            is_mono: mode >> 6 == 3,
        })
    }

    fn is_of_stream(&self, other: &Self) -> bool {
        (self.version, self.layer, self.sample_rate) == (other.version, other.layer, other.sample_rate)
    }

    fn samples(&self) -> u32 {
        match (self.layer, self.version) {
            (1, _) => 384,
            (3, 0 | 2) => 576,
            _ => 1152,
        }
    }

    fn seconds(&self) -> f64 {
        f64::from(self.samples()) / f64::from(self.sample_rate)
    }

    fn frame_bytes(&self) -> usize {
        let slot_bytes = if self.layer == 1 { 4 } else { 1 };
        let slots = self.samples() / 8 * self.kbit_per_second * 1000 / self.sample_rate / slot_bytes;
        ((slots + u32::from(self.is_padded)) * slot_bytes) as usize
    }
}

/// The first place with three frames in a row (or fewer, when the bytes end there).
fn first_frame(bytes: &[u8]) -> Option<(usize, Header)> {
    (0..bytes.len()).find_map(|start| {
        let first = Header::parse(&bytes[start..])?;
        let mut at = start;
        for _ in 0..3 {
            match bytes.get(at..).filter(|rest| rest.len() >= 4) {
                Some(rest) => {
                    at += Header::parse(rest).filter(|header| header.is_of_stream(&first))?.frame_bytes()
                }
                // One frame alone, in the middle of something else, is chance.
                None => return (at > start && start == 0).then_some((start, first)),
            }
        }
        Some((start, first))
    })
}

/// The frame count that encoders put into the first frame.
struct Index {
    frames: u32,
    /// Bytes of the stream, where told.
    bytes: Option<u32>,
    /// Samples that the encoder put before and after the sound, where told.
    padding_samples: u32,
}

impl Index {
    fn parse(frame: &[u8], header: &Header) -> Option<Self> {
        if frame.get(36..40) == Some(b"VBRI") {
            return Some(Self {
                frames: u32_be(frame, 50).ok().filter(|&frames| frames > 0)?,
                bytes: u32_be(frame, 46).ok(),
                padding_samples: 0,
            });
        }
        let side_bytes = match (header.version, header.is_mono) {
            (3, false) => 32,
            (3, true) | (_, false) => 17,
            (_, true) => 9,
        };
        let tag = frame.get(4 + side_bytes..)?;
        if header.layer != 3 || !(tag.starts_with(b"Xing") || tag.starts_with(b"Info")) {
            return None;
        }
        let flags = u32_be(tag, 4).ok()?;
        let field_bytes = |flag: u32, bytes: usize| if flags & flag != 0 { bytes } else { 0 };
        if flags & 1 == 0 {
            return None;
        }
        let lame_at = 8 + field_bytes(1, 4) + field_bytes(2, 4) + field_bytes(4, 100) + field_bytes(8, 4);
        let padding_samples = match tag.get(lame_at..lame_at + 24) {
            // LAME, or Lavc and Lavf, which write the same fields.
            Some(lame) if lame.starts_with(b"L") => {
                let packed = u32::from(lame[21]) << 16 | u32::from(lame[22]) << 8 | u32::from(lame[23]);
                (packed >> 12) + (packed & 0xFFF)
            }
            _ => 0,
        };
        Some(Self {
            frames: u32_be(tag, 8).ok().filter(|&frames| frames > 0)?,
            bytes: (flags & 2 != 0).then(|| u32_be(tag, 12).ok()).flatten(),
            padding_samples,
        })
    }

    /// Less than the index says when the object is shorter than that: a truncated upload.
    fn length(&self, header: &Header, audio_bytes: u64) -> Length {
        let samples = u64::from(self.frames) * u64::from(header.samples());
        let seconds =
            samples.saturating_sub(self.padding_samples.into()) as f64 / f64::from(header.sample_rate);
        match self.bytes {
            Some(bytes) if u64::from(bytes) > audio_bytes + 4096 => {
                Length::CutOff(seconds * audio_bytes as f64 / f64::from(bytes))
            }
            _ => Length::Told(seconds),
        }
    }
}

/// Where ID3v1 or APE tags begin, or the object's end.
fn end_of_audio(reader: &mut RangedReader<'_>) -> Result<u64, Stop> {
    let size = reader.size_bytes();
    let tail_at = size.saturating_sub(160);
    let tail = reader.read_only(tail_at, size - tail_at)?;
    let id3v1 = tail.len().checked_sub(128).filter(|&at| tail[at..].starts_with(b"TAG"));
    let end = id3v1.unwrap_or(tail.len());
    let ape_bytes = rfind(&tail, b"APETAGEX", end)
        .filter(|&at| at + 32 == end)
        .and_then(|at| tail.get(at + 12..at + 16))
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, |bytes| u64::from(u32::from_le_bytes(bytes)));
    Ok((tail_at + end as u64).saturating_sub(ape_bytes))
}
