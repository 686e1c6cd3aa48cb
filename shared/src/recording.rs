//! A recording of the manifest.

use serde::{Deserialize, Serialize};

use crate::ids::ItemId;

/// One recording: a line of the manifest, and the payload of an item in Redis.
///
/// `name` is relative to the input and hostile: never use it as a path without
/// [`crate::output_name`] or the storage layer's own checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Name relative to the input, as the store gives it.
    pub name: String,
    /// The store's version tag: an S3 ETag, or size and modification time of a file.
    pub etag: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Length of the audio in seconds, as far as it is known before decoding.
    pub seconds: f64,
    /// Where `seconds` comes from.
    #[serde(default, skip_serializing_if = "DurationSource::is_header")]
    pub seconds_from: DurationSource,
}

/// No recording is thinner than this: silence in the thriftiest codecs that people use takes 200 bits a second
/// and more. A header that declares a length beyond what the size could hold at this rate is not believed.
const BITS_PER_SECOND_MIN: f64 = 100.0;

/// Lengths are kept below this (about 30 years), so that sums of them stay exact in any unit used here.
pub const SECONDS_MAX: f64 = 1e9;

/// Whether a recording of `size_bytes` can be as long as its header declares.
#[must_use]
pub fn is_credible(seconds: f64, size_bytes: u64) -> bool {
    seconds.is_finite()
        && (0.0..=SECONDS_MAX).contains(&seconds)
        && seconds <= size_bytes as f64 * 8.0 / BITS_PER_SECOND_MIN
}

/// Where a recording's length comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DurationSource {
    /// Read from the container's headers.
    #[default]
    Header,
    /// Read from headers that tell of more than the file holds, and scaled down to what is there: it is cut off.
    CutOff,
    /// Estimated from the size in bytes, since no header tells.
    Size,
}

impl DurationSource {
    fn is_header(&self) -> bool {
        *self == Self::Header
    }
}

impl Recording {
    /// The item that this recording is in a batch.
    #[must_use]
    pub fn id(&self) -> ItemId {
        ItemId::of_recording(&self.name, &self.etag, self.size_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_size_cannot_hold_is_not_believed() {
        assert!(is_credible(3600.0, 1_000_000));
        for absurd in [1e9, f64::NAN, f64::INFINITY, -1.0] {
            assert!(!is_credible(absurd, 1_000_000), "{absurd}");
        }
    }
}
