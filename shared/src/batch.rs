//! What a batch is, beside its items: kept in Redis and read by everyone who works on it.

use serde::{Deserialize, Serialize};

use crate::ids::BatchId;
use crate::options::TranscribeOptions;
use crate::subtitles::SubtitleLayout;
use crate::transcript::Format;

/// The settings of a batch, fixed when it is created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchMeta {
    /// The batch's name.
    pub batch: BatchId,
    /// Where the recordings are, as the user wrote it (absolute if a folder).
    pub input: String,
    /// Where the transcripts go.
    pub output: String,
    /// The model's name and hash.
    pub model: ModelIdentity,
    /// What decides the text.
    pub options: TranscribeOptions,
    /// The files written for each recording.
    pub formats: Vec<Format>,
    /// How subtitles are laid out, if they are among the formats.
    #[serde(default)]
    pub subtitles: SubtitleLayout,
    /// How many lease queues the items are spread over, at least 1.
    pub shards: u32,
    /// Which recordings are worked on in parts; a batch of an earlier version has none.
    #[serde(default)]
    pub splitting: Splitting,
}

/// Which recordings are worked on in parts, side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Splitting {
    /// None.
    #[default]
    Never,
    /// Those that would keep one worker busy after the others have nothing left.
    Auto,
    /// Those that are longer than so many seconds, into parts that are not.
    Longest(u64),
}

/// Which model a batch uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// The folder's name.
    pub name: String,
    /// SHA-256 over the model's files.
    pub hash: String,
}
