//! MP4, M4A, MOV and 3GP: the audio track's media header, wherever `moov` stands. Sample tables are stepped over.

use super::fields::{seconds, tag, u8_at, u32_be, u64_be};
use super::mp4_fragments;
use super::ranged_reader::{RangedReader, Stop};

/// Boxes looked at on one level. The budget ends a long walk sooner, unless it stays within cached bytes.
const BOXES_MAX: usize = 10_000;
const TRACKS_MAX: usize = 64;

/// A box: what it is, and where its content is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mp4Box {
    pub(super) kind: [u8; 4],
    pub(super) body: u64,
    pub(super) end: u64,
}

/// The box at `at`, within a parent that ends at `end`.
pub(super) fn read_box(reader: &mut RangedReader<'_>, at: u64, end: u64) -> Result<Mp4Box, Stop> {
    let header = reader.read(at, 8)?;
    let kind = tag(&header, 4)?;
    let (header_bytes, size) = match u32_be(&header, 0)? {
        0 => (8, end.saturating_sub(at)),
        1 => (16, u64_be(&reader.read(at + 8, 8)?, 0)?),
        size => (8, size.into()),
    };
    if size < header_bytes {
        return Err(Stop::NotTold);
    }
    let box_end = at.checked_add(size).ok_or(Stop::NotTold)?.min(end);
    Ok(Mp4Box { kind, body: at + header_bytes, end: box_end })
}

/// Calls `visit` for each box in `[at, end)` until it says stop with `false`.
pub(super) fn for_each_box(
    reader: &mut RangedReader<'_>,
    mut at: u64,
    end: u64,
    mut visit: impl FnMut(&mut RangedReader<'_>, Mp4Box) -> Result<bool, Stop>,
) -> Result<(), Stop> {
    for _ in 0..BOXES_MAX {
        if at.saturating_add(8) > end {
            return Ok(());
        }
        let found = read_box(reader, at, end)?;
        if !visit(reader, found)? {
            return Ok(());
        }
        at = found.end.max(at + 8);
    }
    Ok(())
}

/// A track of `moov`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) is_audio: bool,
    /// Units a second of the track's times.
    pub(super) timescale: u32,
    /// In units of `timescale`; 0 if not told.
    pub(super) duration: u64,
    /// Duration of samples that do not tell their own, in fragments.
    pub(super) default_sample_duration: u32,
}

/// What `moov` says.
#[derive(Debug, Default)]
pub(super) struct Movie {
    pub(super) tracks: Vec<Track>,
    movie_seconds: Option<f64>,
    /// Whether more of the movie follows in fragments.
    is_fragmented: bool,
    fragments_seconds: Option<f64>,
}

impl Movie {
    /// The track whose length counts: the first audio track, or the first of all.
    pub(super) fn main_track(&self) -> Option<&Track> {
        self.tracks.iter().find(|track| track.is_audio).or(self.tracks.first())
    }

    /// What the headers say, without looking at fragments.
    fn told_seconds(&self) -> Option<f64> {
        let by_track = self
            .main_track()
            .and_then(|track| seconds(track.duration, track.timescale.into()).ok())
            .filter(|&seconds| seconds > 0.0);
        by_track.or(self.movie_seconds)
    }
}

/// The length of the first audio track, in seconds.
pub(super) fn length(reader: &mut RangedReader<'_>) -> Result<f64, Stop> {
    let size = reader.size_bytes();
    let mut movie = None;
    for_each_box(reader, 0, size, |reader, found| {
        if found.kind == *b"moov" {
            movie = Some((read_movie(reader, found)?, found.end));
        }
        Ok(movie.is_none())
    })?;
    let (movie, movie_end) = movie.ok_or(Stop::NotTold)?;
    let fragmented = || movie.fragments_seconds.filter(|&seconds| seconds > 0.0);
    if !movie.is_fragmented {
        return movie.told_seconds().ok_or(Stop::NotTold);
    }
    match fragmented() {
        Some(seconds) => Ok(seconds),
        None => mp4_fragments::length(reader, &movie, movie_end),
    }
}

fn read_movie(reader: &mut RangedReader<'_>, moov: Mp4Box) -> Result<Movie, Stop> {
    let mut movie = Movie::default();
    let mut movie_timescale = 0;
    let mut defaults = Vec::new();
    let mut fragments_duration = None;
    let walked = for_each_box(reader, moov.body, moov.end, |reader, found| {
        match &found.kind {
            b"mvhd" => {
                let (timescale, duration) = times(reader, found)?;
                movie_timescale = timescale;
                movie.movie_seconds =
                    seconds(duration, timescale.into()).ok().filter(|&seconds| seconds > 0.0);
            }
            b"trak" if movie.tracks.len() < TRACKS_MAX => movie.tracks.push(read_track(reader, found)?),
            b"mvex" => {
                movie.is_fragmented = true;
                for_each_box(reader, found.body, found.end, |reader, inner| {
                    match &inner.kind {
                        b"mehd" => fragments_duration = Some(versioned(reader, inner.body, 4, 4)?),
                        b"trex" => {
                            let body = reader.read(inner.body, 16)?;
                            defaults.push((u32_be(&body, 4)?, u32_be(&body, 12)?));
                        }
                        _ => {}
                    }
                    Ok(defaults.len() < TRACKS_MAX)
                })?;
            }
            _ => {}
        }
        Ok(true)
    });
    // A `moov` that is cut short, or too large to walk, may have told enough.
    if movie.tracks.is_empty() && movie.movie_seconds.is_none() {
        walked?;
    }
    for track in &mut movie.tracks {
        track.default_sample_duration =
            defaults.iter().find(|(id, _)| *id == track.id).map_or(0, |(_, duration)| *duration);
    }
    movie.fragments_seconds =
        fragments_duration.and_then(|duration| seconds(duration, movie_timescale.into()).ok());
    Ok(movie)
}

fn read_track(reader: &mut RangedReader<'_>, trak: Mp4Box) -> Result<Track, Stop> {
    let mut track = Track::default();
    for_each_box(reader, trak.body, trak.end, |reader, found| {
        match &found.kind {
            b"tkhd" => {
                let id_at = if u8_at(&reader.read(found.body, 1)?, 0)? == 1 { 20 } else { 12 };
                track.id = u32_be(&reader.read(found.body + id_at, 4)?, 0)?;
            }
            b"mdia" => for_each_box(reader, found.body, found.end, |reader, inner| {
                match &inner.kind {
                    b"mdhd" => (track.timescale, track.duration) = times(reader, inner)?,
                    b"hdlr" => track.is_audio = reader.read(inner.body + 8, 4)?.as_ref() == b"soun",
                    // The sample tables: both of the above stand before them, but no rule says so.
                    _ => {}
                }
                Ok(track.timescale == 0 || !track.is_audio)
            })?,
            _ => {}
        }
        Ok(true)
    })?;
    Ok(track)
}

/// Timescale and duration of `mvhd` and `mdhd`; a duration of all ones means unknown.
fn times(reader: &mut RangedReader<'_>, found: Mp4Box) -> Result<(u32, u64), Stop> {
    let is_long = u8_at(&reader.read(found.body, 1)?, 0)? == 1;
    let timescale_at = found.body + if is_long { 20 } else { 12 };
    let timescale = u32_be(&reader.read(timescale_at, 4)?, 0)?;
    let duration =
        versioned(reader, found.body, timescale_at + 4 - found.body, timescale_at + 4 - found.body)?;
    let is_unknown = duration == if is_long { u64::MAX } else { u32::MAX.into() };
    Ok((timescale, if is_unknown { 0 } else { duration }))
}

/// A number of 4 bytes in version 0 of a box, of 8 bytes in version 1, at an offset into the box's body.
pub(super) fn versioned(
    reader: &mut RangedReader<'_>,
    body: u64,
    short_offset: u64,
    long_offset: u64,
) -> Result<u64, Stop> {
    if u8_at(&reader.read(body, 1)?, 0)? == 1 {
        u64_be(&reader.read(body + long_offset, 8)?, 0)
    } else {
        u32_be(&reader.read(body + short_offset, 4)?, 0).map(u64::from)
    }
}
