//! Matroska and WebM: the segment's duration, or the time of the last block where a live recorder left it out.

use super::fields::rfind;
use super::ranged_reader::{RangedReader, Stop};

const ELEMENTS_MAX: usize = 1000;
/// How far back from the end the last cluster is looked for.
const TAIL_BYTES: [u64; 3] = [64 * 1024, 256 * 1024, 1024 * 1024];

const SEGMENT: u64 = 0x1853_8067;
const SEEK_HEAD: u64 = 0x114D_9B74;
const SEEK: u64 = 0x4DBB;
const SEEK_ID: u64 = 0x53AB;
const SEEK_POSITION: u64 = 0x53AC;
const INFO: u64 = 0x1549_A966;
const TIMESTAMP_SCALE: u64 = 0x2A_D7B1;
const DURATION: u64 = 0x4489;
const CLUSTER: u64 = 0x1F43_B675;
const CLUSTER_BYTES: [u8; 4] = [0x1F, 0x43, 0xB6, 0x75];
const TIMESTAMP: u64 = 0xE7;
const SIMPLE_BLOCK: u64 = 0xA3;
const BLOCK_GROUP: u64 = 0xA0;
const BLOCK: u64 = 0xA1;
const BLOCK_DURATION: u64 = 0x9B;

/// An element: what it is, and where its content is. Of unknown size: up to the end.
#[derive(Clone, Copy)]
struct Element {
    id: u64,
    body: usize,
    end: usize,
}

/// The element that begins at `at` in `bytes`.
fn element(bytes: &[u8], at: usize) -> Option<Element> {
    let (id, id_bytes) = variable_number(bytes, at, true)?;
    let (size, size_bytes) = variable_number(bytes, at + id_bytes, false)?;
    let body = at + id_bytes + size_bytes;
    let is_unknown = size == (1 << (7 * size_bytes)) - 1;
    let end = if is_unknown { usize::MAX } else { body.saturating_add(usize::try_from(size).ok()?) };
    Some(Element { id, body, end })
}

/// EBML's number of one to eight bytes, with or without its length marker, and its length.
fn variable_number(bytes: &[u8], at: usize, keep_marker: bool) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let start = if keep_marker { first.into() } else { u64::from(first) & ((1 << (8 - length)) - 1) };
    let rest = bytes.get(at + 1..at + length)?;
    Some((rest.iter().fold(start, |value, &byte| value << 8 | u64::from(byte)), length))
}

fn unsigned(bytes: &[u8], element: Element) -> Option<u64> {
    let body = bytes.get(element.body..element.end).filter(|body| body.len() <= 8)?;
    Some(body.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// The elements one after another in `bytes`.
fn elements(bytes: &[u8]) -> impl Iterator<Item = Element> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = element(bytes, at)?;
        at = found.end;
        Some(found)
    })
}

/// The length of the whole segment, in seconds.
pub(super) fn length(reader: &mut RangedReader<'_>) -> Result<f64, Stop> {
    let (segment_at, info, first_cluster_at) = read_head(reader)?;
    let info = info.unwrap_or_default();
    if let Some(duration) = info.duration.filter(|&duration| duration > 0.0) {
        return Ok(duration * info.tick_seconds());
    }
    let from = first_cluster_at.unwrap_or(segment_at);
    let first = reader.read_up_to(from, 64).ok().and_then(|bytes| cluster_start(&bytes, 0)).unwrap_or(0);
    let last = last_block_end(reader, from)?;
    Ok(last.saturating_sub(first) as f64 * info.tick_seconds())
}

#[derive(Clone, Copy, Default)]
struct Info {
    /// Nanoseconds of a tick; 0 if not told.
    timestamp_scale: u64,
    /// In ticks.
    duration: Option<f64>,
}

impl Info {
    fn tick_seconds(self) -> f64 {
        let scale = if self.timestamp_scale == 0 { 1_000_000 } else { self.timestamp_scale };
        scale as f64 / 1e9
    }

    fn parse(body: &[u8]) -> Self {
        let mut info = Self::default();
        for element in elements(body) {
            match element.id {
                TIMESTAMP_SCALE => info.timestamp_scale = unsigned(body, element).unwrap_or(0),
                DURATION => {
                    let bits = unsigned(body, element);
                    info.duration = match element.end.saturating_sub(element.body) {
                        4 => {
                            bits.and_then(|bits| u32::try_from(bits).ok()).map(f32::from_bits).map(f64::from)
                        }
                        8 => bits.map(f64::from_bits),
                        _ => None,
                    };
                }
                _ => {}
            }
        }
        info
    }
}

/// Where the segment's content begins, its `Info`, and where its first cluster is.
fn read_head(reader: &mut RangedReader<'_>) -> Result<(u64, Option<Info>, Option<u64>), Stop> {
    let mut at = 0;
    let mut segment_at = 0;
    let mut info_at = None;
    for _ in 0..ELEMENTS_MAX {
        let header = reader.read_up_to(at, 12)?;
        let Some(found) = element(&header, 0) else { break };
        let body_at = at + found.body as u64;
        let body_bytes = (found.end.saturating_sub(found.body)) as u64;
        match found.id {
            SEGMENT => {
                segment_at = body_at;
                at = body_at;
                continue;
            }
            INFO => {
                let body = reader.read_up_to(body_at, body_bytes.min(64 * 1024))?;
                return Ok((
                    segment_at,
                    Some(Info::parse(&body)),
                    first_cluster(reader, body_at, body_bytes),
                ));
            }
            SEEK_HEAD if body_bytes < 64 * 1024 => {
                let body = reader.read_up_to(body_at, body_bytes)?;
                info_at = seek_position(&body, INFO).and_then(|position| segment_at.checked_add(position));
            }
            // `Info` stands after the clusters, if the seek head knows of it.
            CLUSTER => {
                let info = match info_at {
                    Some(info_at) => info_by_seek_head(reader, info_at)?,
                    None => None,
                };
                return Ok((segment_at, info, Some(at)));
            }
            _ => {}
        }
        at = body_at.checked_add(body_bytes).ok_or(Stop::NotTold)?;
    }
    Err(Stop::NotTold)
}

fn info_by_seek_head(reader: &mut RangedReader<'_>, at: u64) -> Result<Option<Info>, Stop> {
    let bytes = reader.read_up_to(at, 4096)?;
    let found = element(&bytes, 0).filter(|found| found.id == INFO);
    Ok(found.and_then(|found| bytes.get(found.body..found.end.min(bytes.len()))).map(Info::parse))
}

fn seek_position(seek_head: &[u8], wanted: u64) -> Option<u64> {
    elements(seek_head).filter(|element| element.id == SEEK).find_map(|seek| {
        let body = seek_head.get(seek.body..seek.end)?;
        let value =
            |id| elements(body).find(|element| element.id == id).and_then(|found| unsigned(body, found));
        value(SEEK_POSITION).filter(|_| value(SEEK_ID) == Some(wanted))
    })
}

fn first_cluster(reader: &mut RangedReader<'_>, body_at: u64, body_bytes: u64) -> Option<u64> {
    let mut at = body_at.checked_add(body_bytes)?;
    for _ in 0..ELEMENTS_MAX {
        let header = reader.read_up_to(at, 12).ok()?;
        let found = element(&header, 0)?;
        if found.id == CLUSTER {
            return Some(at);
        }
        at = at.checked_add(found.end as u64)?;
    }
    None
}

/// The timestamp of the cluster that begins at `at` in `bytes`, in ticks.
fn cluster_start(bytes: &[u8], at: usize) -> Option<u64> {
    let cluster = element(bytes, at).filter(|found| found.id == CLUSTER)?;
    let body = bytes.get(cluster.body..)?;
    elements(body).take(3).find(|element| element.id == TIMESTAMP).and_then(|found| unsigned(body, found))
}

/// The latest time that a block of the last cluster ends at, in ticks.
fn last_block_end(reader: &mut RangedReader<'_>, from: u64) -> Result<u64, Stop> {
    let size = reader.size_bytes();
    for tail_bytes in TAIL_BYTES {
        let tail_at = size.saturating_sub(tail_bytes).max(from);
        let tail = reader.read_only(tail_at, size - tail_at)?;
        let mut before = tail.len();
        while let Some(at) = rfind(&tail, &CLUSTER_BYTES, before) {
            before = at + 3;
            if let Some(start) = cluster_start(&tail, at) {
                return Ok(start.saturating_add(blocks_end(&tail, at)));
            }
        }
        if tail_at == from {
            break;
        }
    }
    Err(Stop::NotTold)
}

/// The latest end of a block within the cluster at `at`, relative to the cluster. A simple block lasts as long as
/// the distance to the one before it.
fn blocks_end(tail: &[u8], at: usize) -> u64 {
    let Some(cluster) = element(tail, at) else { return 0 };
    let body = tail.get(cluster.body..cluster.end.min(tail.len())).unwrap_or_default();
    let (mut end, mut previous) = (0u64, 0u64);
    for found in elements(body) {
        let (time, lasts) = match found.id {
            SIMPLE_BLOCK => (block_time(body, found), None),
            BLOCK_GROUP => {
                let group = body.get(found.body..found.end.min(body.len())).unwrap_or_default();
                let inner = |id| elements(group).find(|element| element.id == id);
                let lasts = inner(BLOCK_DURATION).and_then(|found| unsigned(group, found));
                (inner(BLOCK).and_then(|block| block_time(group, block)), lasts)
            }
            _ => continue,
        };
        let Some(time) = time else { continue };
        end = end.max(time.saturating_add(lasts.unwrap_or(time.saturating_sub(previous).min(1000))));
        previous = time;
    }
    end
}

/// A block's time relative to its cluster; never negative for audio.
fn block_time(bytes: &[u8], block: Element) -> Option<u64> {
    let (_, track_bytes) = variable_number(bytes, block.body, false)?;
    let at = block.body + track_bytes;
    let time = i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?);
    Some(u64::from(time.max(0).unsigned_abs()))
}
