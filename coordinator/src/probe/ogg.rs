//! Ogg: Opus, Vorbis, Speex and FLAC in it. The last page's granule position tells the length.

use steno_shared::flac::rate_and_samples;

use super::fields::{rfind, seconds, u16_le, u32_le, u64_le};
use super::ranged_reader::{RangedReader, Stop};

/// Streams that may be multiplexed, and so first pages looked at.
const STREAMS_MAX: usize = 16;
/// How far back from the end the last page of the audio is looked for: video may stand in between.
const TAIL_BYTES: [u64; 3] = [64 * 1024, 256 * 1024, 1024 * 1024];
/// A page's granule that is no time at all: no packet ends on the page.
const NO_GRANULE: u64 = u64::MAX;
/// A stream whose first pages are later than this was cut out of a longer one.
const START_SECONDS_MAX: u64 = 60;
/// Pages looked at for the first granule; comment headers with pictures take many, and then it is left.
const HEAD_PAGES_MAX: usize = 32;

struct Stream {
    serial: u32,
    sample_rate: u64,
    /// Samples that the decoder throws away at the start.
    pre_skip: u64,
}

/// The length of the first audio stream, in seconds.
pub(super) fn length(reader: &mut RangedReader<'_>, start: u64) -> Result<f64, Stop> {
    let (stream, pages_at) = audio_stream(reader, start)?;
    let last = last_granule(reader, start, &stream)?;
    let first = first_granule(reader, pages_at, &stream).unwrap_or(0);
    let is_cut_out = first > START_SECONDS_MAX.saturating_mul(stream.sample_rate);
    let skipped = if is_cut_out { first } else { stream.pre_skip };
    seconds(last.saturating_sub(skipped), stream.sample_rate)
}

struct Page {
    is_first: bool,
    granule: u64,
    serial: u32,
    body_at: u64,
    body_bytes: u64,
}

fn page(reader: &mut RangedReader<'_>, at: u64) -> Result<Page, Stop> {
    let header = reader.read(at, 27)?;
    if !header.starts_with(b"OggS\0") {
        return Err(Stop::NotTold);
    }
    let segments = reader.read(at + 27, header[26].into())?;
    Ok(Page {
        is_first: header[5] & 2 != 0,
        granule: u64_le(&header, 6)?,
        serial: u32_le(&header, 14)?,
        body_at: at + 27 + u64::from(header[26]),
        body_bytes: segments.iter().map(|&bytes| u64::from(bytes)).sum(),
    })
}

/// The first stream that is audio, and where the pages after the first ones begin.
fn audio_stream(reader: &mut RangedReader<'_>, start: u64) -> Result<(Stream, u64), Stop> {
    let mut at = start;
    let mut found = None;
    for _ in 0..STREAMS_MAX {
        let page = page(reader, at)?;
        if !page.is_first {
            break;
        }
        if found.is_none() {
            let packet = reader.read_up_to(page.body_at, page.body_bytes)?;
            found = stream(page.serial, &packet)?;
        }
        at = page.body_at + page.body_bytes;
    }
    Ok((found.ok_or(Stop::NotTold)?, at))
}

fn stream(serial: u32, packet: &[u8]) -> Result<Option<Stream>, Stop> {
    let (sample_rate, pre_skip) = if packet.starts_with(b"OpusHead") {
        (48_000, u16_le(packet, 10)?.into())
    } else if packet.starts_with(b"\x01vorbis") {
        (u32_le(packet, 12)?.into(), 0)
    } else if packet.starts_with(b"Speex   ") {
        (u32_le(packet, 36)?.into(), 0)
    } else if packet.starts_with(b"\x7fFLAC") {
        (rate_and_samples(packet.get(17..).unwrap_or_default()).ok_or(Stop::NotTold)?.0, 0)
    } else {
        return Ok(None);
    };
    Ok(Some(Stream { serial, sample_rate, pre_skip }))
}

fn last_granule(reader: &mut RangedReader<'_>, start: u64, stream: &Stream) -> Result<u64, Stop> {
    let size = reader.size_bytes();
    for tail_bytes in TAIL_BYTES {
        let tail_at = size.saturating_sub(tail_bytes).max(start);
        let tail = reader.read_only(tail_at, size - tail_at)?;
        let mut end = tail.len();
        while let Some(at) = rfind(&tail, b"OggS\0", end) {
            // Cut so that the next search begins before this place.
            end = at + 4;
            let (Ok(granule), Ok(serial)) = (u64_le(&tail, at + 6), u32_le(&tail, at + 14)) else { continue };
            if serial == stream.serial && granule != NO_GRANULE {
                return Ok(granule);
            }
        }
        if tail_at == start {
            break;
        }
    }
    // Another stream was appended to this one: nothing short of reading it all tells how long they are together.
    Err(Stop::NotTold)
}

fn first_granule(reader: &mut RangedReader<'_>, pages_at: u64, stream: &Stream) -> Option<u64> {
    let mut at = pages_at;
    for _ in 0..HEAD_PAGES_MAX {
        let page = page(reader, at).ok()?;
        if page.serial == stream.serial && page.granule != NO_GRANULE && page.granule > 0 {
            return Some(page.granule);
        }
        at = page.body_at + page.body_bytes;
    }
    None
}
