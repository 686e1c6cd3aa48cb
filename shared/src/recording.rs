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
