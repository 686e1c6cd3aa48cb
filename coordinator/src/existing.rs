//! What becomes of transcripts that are there already.

use serde::{Deserialize, Serialize};

/// What to do about transcripts in the output that were made with other settings, or of a recording that has
/// changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Existing {
    /// Refuse to start: the user decides.
    #[default]
    Refuse,
    /// Leave them, and do not transcribe their recordings.
    Keep,
    /// Replace them.
    Replace,
}

impl Existing {
    /// For a batch that has begun and whose backlog is taken in again: what has changed meanwhile does not end it.
    #[must_use]
    pub fn once_begun(self) -> Self {
        if self == Self::Refuse { Self::Keep } else { self }
    }
}
