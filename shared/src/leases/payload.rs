//! A recording as it is kept in an item's record: compact, since there may be a million.

use crate::recording::{DurationSource, Recording};

/// `["name","etag",size]`, and a final `1` when the length is an estimate, `2` when the file is cut off. The length itself is the record's `ms`.
pub(super) fn pack(recording: &Recording) -> Result<String, serde_json::Error> {
    let Recording { name, etag, size_bytes, seconds: _, seconds_from } = recording;
    match seconds_from {
        DurationSource::Header => serde_json::to_string(&(name, etag, size_bytes)),
        DurationSource::Size => serde_json::to_string(&(name, etag, size_bytes, 1)),
        DurationSource::CutOff => serde_json::to_string(&(name, etag, size_bytes, 2)),
    }
}

/// The recording of a record; its length comes back rounded to milliseconds.
pub(super) fn unpack(payload: &[u8], ms: u64) -> Result<Recording, serde_json::Error> {
    let with_seconds = |name, etag, size_bytes, seconds_from| Recording {
        name,
        etag,
        size_bytes,
        seconds: millis_to_seconds(ms),
        seconds_from,
    };
    if let Ok((name, etag, size)) = serde_json::from_slice::<(String, String, u64)>(payload) {
        return Ok(with_seconds(name, etag, size, DurationSource::Header));
    }
    let (name, etag, size, mark) = serde_json::from_slice::<(String, String, u64, u8)>(payload)?;
    let seconds_from = if mark == 2 { DurationSource::CutOff } else { DurationSource::Size };
    Ok(with_seconds(name, etag, size, seconds_from))
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
        for (name, seconds_from) in [
            ("a/b.mp3", DurationSource::Header),
            ("x\n|\"\\é\u{1}", DurationSource::Size),
            ("cut.mp3", DurationSource::CutOff),
        ] {
            let recording = Recording {
                name: name.into(),
                etag: "\"e\"".into(),
                size_bytes: 7,
                seconds: 12.345,
                seconds_from,
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
