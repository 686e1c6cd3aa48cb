//! Fragmented MP4 whose `moov` does not tell the length: by the segment index, or where the last fragment ends.

use super::fields::{rfind, seconds, u16_be, u32_be, u64_be};
use super::mp4::{Movie, Mp4Box, Track, for_each_box, read_box, versioned};
use super::ranged_reader::{RangedReader, Stop};

/// How far back from the end the last fragments are looked for.
const TAIL_BYTES: [u64; 3] = [64 * 1024, 256 * 1024, 1024 * 1024];
const SAMPLES_MAX: usize = 100_000;

/// The length in seconds.
pub(super) fn length(reader: &mut RangedReader<'_>, movie: &Movie, movie_end: u64) -> Result<f64, Stop> {
    let track = *movie.main_track().ok_or(Stop::NotTold)?;
    let first = read_box(reader, movie_end, reader.size_bytes())?;
    if first.kind == *b"sidx" {
        return segment_index(reader, first);
    }
    let size = reader.size_bytes();
    for tail_bytes in TAIL_BYTES {
        let tail_at = size.saturating_sub(tail_bytes).max(movie_end);
        let tail = reader.read_only(tail_at, size - tail_at)?;
        let mut before = tail.len();
        while let Some(kind_at) = rfind(&tail, b"moof", before) {
            before = kind_at + 3;
            let Some(box_at) = kind_at.checked_sub(4) else { break };
            let is_fragment = tail.get(kind_at + 8..kind_at + 12) == Some(b"mfhd");
            if !is_fragment {
                continue;
            }
            let moof = read_box(reader, tail_at + box_at as u64, size)?;
            if let Some(end) = fragment_end(reader, moof, &track)? {
                return seconds(end, track.timescale.into());
            }
        }
        if tail_at == movie_end {
            break;
        }
    }
    last_random_access(reader, &track)
}

/// The sum over a `sidx` box, in seconds.
fn segment_index(reader: &mut RangedReader<'_>, sidx: Mp4Box) -> Result<f64, Stop> {
    let body = reader.read(sidx.body, sidx.end - sidx.body)?;
    let timescale = u32_be(&body, 8)?;
    let count_at = if body.first() == Some(&1) { 30 } else { 22 };
    let count = usize::from(u16_be(&body, count_at)?);
    let mut duration = 0;
    for entry in 0..count {
        duration += u64::from(u32_be(&body, count_at + 2 + entry * 12 + 4)?);
    }
    seconds(duration, timescale.into())
}

/// Where the fragment ends in the track's time, if it has samples of the track.
fn fragment_end(reader: &mut RangedReader<'_>, moof: Mp4Box, track: &Track) -> Result<Option<u64>, Stop> {
    let mut end = None;
    for_each_box(reader, moof.body, moof.end, |reader, traf| {
        if traf.kind == *b"traf" {
            end = end.or(track_fragment_end(reader, traf, track)?);
        }
        Ok(end.is_none())
    })?;
    Ok(end)
}

fn track_fragment_end(
    reader: &mut RangedReader<'_>,
    traf: Mp4Box,
    track: &Track,
) -> Result<Option<u64>, Stop> {
    let mut is_ours = false;
    let mut sample_duration = track.default_sample_duration;
    let (mut start, mut duration) = (None, 0u64);
    for_each_box(reader, traf.body, traf.end, |reader, found| {
        let body = |reader: &mut RangedReader<'_>| reader.read(found.body, found.end - found.body);
        match &found.kind {
            b"tfhd" => {
                let body = body(reader)?;
                let flags = u32_be(&body, 0)?;
                is_ours = u32_be(&body, 4)? == track.id;
                if flags & 8 != 0 {
                    let at = 8 + if flags & 1 != 0 { 8 } else { 0 } + if flags & 2 != 0 { 4 } else { 0 };
                    sample_duration = u32_be(&body, at)?;
                }
            }
            b"tfdt" => start = Some(versioned(reader, found.body, 4, 4)?),
            b"trun" if is_ours => {
                duration = duration.saturating_add(run_duration(&body(reader)?, sample_duration)?);
            }
            _ => {}
        }
        Ok(true)
    })?;
    Ok(start.filter(|_| is_ours).map(|start| start.saturating_add(duration)))
}

fn run_duration(body: &[u8], sample_duration: u32) -> Result<u64, Stop> {
    let (flags, count) = (u32_be(body, 0)?, u32_be(body, 4)?);
    if flags & 0x100 == 0 {
        return Ok(u64::from(count) * u64::from(sample_duration));
    }
    let first = 8 + if flags & 1 != 0 { 4 } else { 0 } + if flags & 4 != 0 { 4 } else { 0 };
    let stride = 4 * (flags >> 8 & 0xF).count_ones() as usize;
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(SAMPLES_MAX);
    let mut duration = 0;
    for sample in 0..count {
        duration += u64::from(u32_be(body, first + sample * stride)?);
    }
    Ok(duration)
}

/// By the random access index at the very end: the time of its last entry, a fragment too short. For video
/// fragments that are larger than the tail looked at.
fn last_random_access(reader: &mut RangedReader<'_>, track: &Track) -> Result<f64, Stop> {
    let size = reader.size_bytes();
    let offset = reader.read(size.saturating_sub(4), 4)?;
    let mfra_at = size.checked_sub(u32_be(&offset, 0)?.into()).ok_or(Stop::NotTold)?;
    let mfra = read_box(reader, mfra_at, size)?;
    if mfra.kind != *b"mfra" {
        return Err(Stop::NotTold);
    }
    let mut last = Err(Stop::NotTold);
    for_each_box(reader, mfra.body, mfra.end, |reader, found| {
        if found.kind == *b"tfra" {
            let body = reader.read(found.body, found.end - found.body)?;
            let (lengths, count) = (u32_be(&body, 8)?, u32_be(&body, 12)?);
            let is_long = body.first() == Some(&1);
            let numbers = (lengths >> 4 & 3) + (lengths >> 2 & 3) + (lengths & 3) + 3;
            let entry_bytes = numbers as usize + if is_long { 16 } else { 8 };
            if u32_be(&body, 4)? == track.id && count > 0 {
                let at = (count as usize - 1).saturating_mul(entry_bytes).saturating_add(16);
                let time = if is_long { u64_be(&body, at)? } else { u32_be(&body, at)?.into() };
                last = seconds(time, track.timescale.into());
            }
        }
        Ok(true)
    })?;
    last
}
