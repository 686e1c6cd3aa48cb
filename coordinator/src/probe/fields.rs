//! Numbers in headers, read without ever panicking: what lies outside of the bytes is not told.

use super::ranged_reader::Stop;

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Stop> {
    let end = at.checked_add(N).ok_or(Stop::NotTold)?;
    bytes.get(at..end).and_then(|slice| slice.try_into().ok()).ok_or(Stop::NotTold)
}

pub(super) fn tag(bytes: &[u8], at: usize) -> Result<[u8; 4], Stop> {
    array(bytes, at)
}

pub(super) fn u8_at(bytes: &[u8], at: usize) -> Result<u8, Stop> {
    array::<1>(bytes, at).map(|[byte]| byte)
}

pub(super) fn u16_be(bytes: &[u8], at: usize) -> Result<u16, Stop> {
    array(bytes, at).map(u16::from_be_bytes)
}

pub(super) fn u16_le(bytes: &[u8], at: usize) -> Result<u16, Stop> {
    array(bytes, at).map(u16::from_le_bytes)
}

pub(super) fn u32_be(bytes: &[u8], at: usize) -> Result<u32, Stop> {
    array(bytes, at).map(u32::from_be_bytes)
}

pub(super) fn u32_le(bytes: &[u8], at: usize) -> Result<u32, Stop> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn u64_be(bytes: &[u8], at: usize) -> Result<u64, Stop> {
    array(bytes, at).map(u64::from_be_bytes)
}

pub(super) fn u64_le(bytes: &[u8], at: usize) -> Result<u64, Stop> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// `count / per_second`, or not told when the rate is zero.
pub(super) fn seconds(count: u64, per_second: u64) -> Result<f64, Stop> {
    if per_second == 0 { Err(Stop::NotTold) } else { Ok(count as f64 / per_second as f64) }
}

/// The last place where `needle` stands in `bytes` before `end`.
pub(super) fn rfind(bytes: &[u8], needle: &[u8], end: usize) -> Option<usize> {
    bytes.get(..end.min(bytes.len()))?.windows(needle.len()).rposition(|window| window == needle)
}
