//! MPEG transport streams: the first and the last presentation time of the audio.

use super::ranged_reader::{RangedReader, Stop};

const PACKET_BYTES: usize = 188;
const HEAD_BYTES: u64 = 256 * 1024;
const TAIL_BYTES: u64 = 512 * 1024;
/// Times are 33 bits at 90 kHz.
const WRAP: u64 = 1 << 33;

/// Offset of the first sync byte and distance between them, if `head` is a transport stream: 188 bytes, or 192
/// with a time stamp before each (M2TS).
pub(super) fn packet_layout(head: &[u8]) -> Option<(usize, usize)> {
    [(0, PACKET_BYTES), (4, PACKET_BYTES + 4)]
        .into_iter()
        .find(|&(first, stride)| (0..4).all(|packet| head.get(first + packet * stride) == Some(&0x47)))
}

/// The length of the audio, in seconds.
pub(super) fn length(reader: &mut RangedReader<'_>) -> Result<f64, Stop> {
    let size = reader.size_bytes();
    let head = reader.read_up_to(0, HEAD_BYTES)?;
    let (first_at, stride) = packet_layout(&head).ok_or(Stop::NotTold)?;
    let first = head.get(first_at..).unwrap_or_default().chunks(stride).find_map(audio_time);
    let tail_at =
        size.saturating_sub(TAIL_BYTES).saturating_sub(first_at as u64) / stride as u64 * stride as u64;
    let tail = reader.read_up_to(tail_at + first_at as u64, TAIL_BYTES)?;
    let last = tail.chunks(stride).filter_map(audio_time).next_back();
    let ticks = first.zip(last).map(|(first, last)| (last + WRAP - first) % WRAP).ok_or(Stop::NotTold)?;
    Ok(ticks as f64 / 90_000.0)
}

/// The presentation time of an audio packet that begins in this transport packet.
fn audio_time(packet: &[u8]) -> Option<u64> {
    let packet = packet.get(..PACKET_BYTES)?;
    let is_start = packet[0] == 0x47 && packet[1] & 0x40 != 0 && packet[3] & 0x10 != 0;
    let adaptation = if packet[3] & 0x20 != 0 { 1 + usize::from(packet[4]) } else { 0 };
    let payload = packet.get(4 + adaptation..).filter(|_| is_start)?;
    let is_audio = payload.starts_with(&[0, 0, 1]) && matches!(payload.get(3)?, 0xBD | 0xC0..=0xDF | 0xFD);
    let has_time = payload.get(7)? & 0x80 != 0;
    let time = payload.get(9..14).filter(|_| is_audio && has_time)?;
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|at| u64::from(time[at]));
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}
