//! From first bytes to a length that can be planned with.

use std::panic::{AssertUnwindSafe, catch_unwind};

use steno_shared::recording::{DurationSource, is_credible};

use super::container::{Container, SNIFF_BYTES};
use super::length::Length;
use super::ranged_reader::{FetchError, RangedReader, Stop};
use super::size_estimate::seconds_from_size;
use super::{adts, aiff, amr, asf, au, avi, caf, flac, matroska, mp4, mpeg_audio, mpeg_ts, ogg, wav};

/// ID3v2 tags that may stand in a row before the audio.
const ID3_TAGS_MAX: usize = 8;

/// What is known of a recording before it is decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Length in seconds: finite, not negative, at most 10⁹.
    pub seconds: f64,
    /// Whether a header told it.
    pub seconds_from: DurationSource,
    /// The container, by content.
    pub container: Option<Container>,
    /// The store's failure, when that is why the length is an estimate.
    pub unreadable: Option<FetchError>,
}

/// Finds the length of what `reader` reads. Never fails: what no header tells is estimated from the size, by the
/// content or by the extension of `name`.
///
/// The content decides which headers are read, so a wrong extension does no harm. What a header declares is
/// believed as far as the size could hold it.
pub fn probe(reader: &mut RangedReader<'_>, name: &str) -> Probe {
    // No parser is known to panic, on anything; but they read hostile bytes, and one file must never cost more
    // than itself.
    catch_unwind(AssertUnwindSafe(|| probe_uncaught(reader, name))).unwrap_or_else(|_| {
        let size_bytes = reader.size_bytes();
        tracing::error!(
            event = "probe.panicked",
            name,
            size_bytes,
            "the length is estimated; please report this"
        );
        Probe {
            seconds: seconds_from_size(size_bytes, None, name),
            seconds_from: DurationSource::Size,
            container: None,
            unreadable: None,
        }
    })
}

/// [`probe`], with the panics that it would catch.
pub(super) fn probe_uncaught(reader: &mut RangedReader<'_>, name: &str) -> Probe {
    let size_bytes = reader.size_bytes();
    let mut container = None;
    let length = measure(reader, &mut container);
    let estimate = || seconds_from_size(size_bytes, container, name);
    let (seconds, seconds_from, unreadable) = match length {
        Ok(Length::Told(seconds)) if is_credible(seconds, size_bytes) => {
            (seconds, DurationSource::Header, None)
        }
        Ok(Length::CutOff(seconds)) if is_credible(seconds, size_bytes) => {
            (seconds, DurationSource::CutOff, None)
        }
        Ok(Length::Sampled(seconds)) if is_credible(seconds, size_bytes) => {
            (seconds, DurationSource::Size, None)
        }
        Ok(_) | Err(Stop::EndOfObject | Stop::BudgetSpent | Stop::NotTold) => {
            (estimate(), DurationSource::Size, None)
        }
        Err(Stop::Fetch(error)) => (estimate(), DurationSource::Size, Some(error)),
    };
    Probe { seconds, seconds_from, container, unreadable }
}

fn measure(reader: &mut RangedReader<'_>, found: &mut Option<Container>) -> Result<Length, Stop> {
    let start = after_id3(reader)?;
    let head = reader.read_up_to(start, SNIFF_BYTES)?;
    // Encoders and cutters leave zeros and half frames before the first sync of an mp3.
    *found = Container::of_head(&head).or((start > 0).then_some(Container::MpegAudio));
    match found {
        Some(Container::Wav) => wav::length(reader, start),
        Some(Container::Wave64) => wav::wave64_length(reader).map(Length::Told),
        Some(Container::Avi) => avi::length(reader).map(Length::Told),
        Some(Container::Aiff) => aiff::length(reader, start).map(Length::Told),
        Some(Container::Caf) => caf::length(reader).map(Length::Told),
        Some(Container::Au) => au::length(reader).map(Length::Told),
        Some(Container::Flac) => flac::length(reader, start).map(Length::Told),
        Some(Container::Ogg) => ogg::length(reader, start).map(Length::Told),
        Some(Container::MpegAudio) => mpeg_audio::length(reader, start),
        Some(Container::Adts) => adts::length(reader, start),
        Some(Container::Amr) => amr::length(reader, amr::Band::Narrow),
        Some(Container::AmrWb) => amr::length(reader, amr::Band::Wide),
        Some(Container::Mp4) => mp4::length(reader).map(Length::Told),
        Some(Container::Matroska) => matroska::length(reader).map(Length::Told),
        Some(Container::Asf) => asf::length(reader).map(Length::Told),
        Some(Container::MpegTs) => mpeg_ts::length(reader).map(Length::Told),
        Some(Container::Unread) => Err(Stop::NotTold),
        None => {
            // An mp3 cut out of a stream begins in the middle of a frame; elsewhere this finds nothing.
            let length = mpeg_audio::length(reader, start)?;
            *found = Some(Container::MpegAudio);
            Ok(length)
        }
    }
}

/// The offset after the ID3v2 tags, stepped over by their size: cover art is never read.
fn after_id3(reader: &mut RangedReader<'_>) -> Result<u64, Stop> {
    let mut start = 0;
    for _ in 0..ID3_TAGS_MAX {
        let head = reader.read_up_to(start, 10)?;
        let Some(&[b'I', b'D', b'3', _, _, flags, a, b, c, d]) = head.first_chunk::<10>() else {
            break;
        };
        let body = [a, b, c, d].iter().fold(0u64, |sum, byte| sum << 7 | u64::from(byte & 0x7F));
        let footer = if flags & 0x10 != 0 { 10 } else { 0 };
        start += 10 + body + footer;
    }
    Ok(start)
}
