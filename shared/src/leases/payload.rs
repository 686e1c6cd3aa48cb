//! A recording as it is kept in an item's record: compact, since there may be a million.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::recording::{DurationSource, Recording, RecordingPart};

/// What stands in a payload: name, version tag and size; where the length is from, if not from a header; and of a part which one it is.
/// The length itself is the record's `ms`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Payload<'a> {
    Part(Cow<'a, str>, Cow<'a, str>, u64, u8, (u32, u32, u64)),
    Marked(Cow<'a, str>, Cow<'a, str>, u64, u8),
    Plain(Cow<'a, str>, Cow<'a, str>, u64),
}

/// `["name","etag",size]`, then `1` when the length is an estimate, `2` when the file is cut off, and of a part
/// `[index,count,whole in ms]`.
pub(super) fn pack(recording: &Recording) -> Result<String, serde_json::Error> {
    let Recording { name, etag, size_bytes, seconds: _, seconds_from, part } = recording;
    let (name, etag) = (Cow::from(name), Cow::from(etag));
    let mark = match seconds_from {
        DurationSource::Header => 0,
        DurationSource::Size => 1,
        DurationSource::CutOff => 2,
    };
    serde_json::to_string(&match (part, mark) {
        (Some(part), mark) => {
            Payload::Part(name, etag, *size_bytes, mark, (part.index, part.count, part.whole_ms))
        }
        (None, 0) => Payload::Plain(name, etag, *size_bytes),
        (None, mark) => Payload::Marked(name, etag, *size_bytes, mark),
    })
}

/// The recording of a record; its length comes back rounded to milliseconds.
pub(super) fn unpack(payload: &[u8], ms: u64) -> Result<Recording, serde_json::Error> {
    let (name, etag, size_bytes, mark, part) = match serde_json::from_slice::<Payload<'_>>(payload)? {
        Payload::Plain(name, etag, size) => (name, etag, size, 0, None),
        Payload::Marked(name, etag, size, mark) => (name, etag, size, mark, None),
        Payload::Part(name, etag, size, mark, part) => (name, etag, size, mark, Some(part)),
    };
    Ok(Recording {
        name: name.into_owned(),
        etag: etag.into_owned(),
        size_bytes,
        seconds: millis_to_seconds(ms),
        seconds_from: match mark {
            0 => DurationSource::Header,
            2 => DurationSource::CutOff,
            _ => DurationSource::Size,
        },
        part: part.map(|(index, count, whole_ms)| RecordingPart { index, count, whole_ms }),
    })
}

/// Predicted length in whole milliseconds, so that sums are exact; what is no length counts as none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0 to a thousand years"
)]
pub(super) fn seconds_to_millis(seconds: f64) -> u64 {
    if seconds.is_nan() { 0 } else { (seconds * 1000.0).round().clamp(0.0, 3e13) as u64 }
}

#[expect(clippy::cast_precision_loss, reason = "a recording's length in ms is far below 2^53")]
fn millis_to_seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_come_back_as_they_were() {
        let part = RecordingPart { index: 1, count: 3, whole_ms: 37_035 };
        for (name, seconds_from, part) in [
            ("a/b.mp3", DurationSource::Header, None),
            ("x\n|\"\\é\u{1}", DurationSource::Size, None),
            ("cut.mp3", DurationSource::CutOff, None),
            ("part.mp3", DurationSource::Header, Some(part)),
            ("part of what is cut.mp3", DurationSource::CutOff, Some(part)),
        ] {
            let recording = Recording {
                name: name.into(),
                etag: "\"e\"".into(),
                size_bytes: 7,
                seconds: 12.345,
                seconds_from,
                part,
            };
            let packed = pack(&recording).unwrap();
            assert!(!packed.contains('\n'));
            assert_eq!(unpack(packed.as_bytes(), 12_345).unwrap(), recording);
        }
    }

    #[test]
    fn lengths_that_are_none_count_as_nothing() {
        assert_eq!(seconds_to_millis(f64::NAN), 0);
        assert_eq!(seconds_to_millis(-1.0), 0);
        assert_eq!(seconds_to_millis(1.2345), 1235);
        assert_eq!(seconds_to_millis(f64::INFINITY), 30_000_000_000_000);
    }
}
