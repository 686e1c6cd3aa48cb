//! Identifiers, each its own type so that none can stand for another.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A batch: one backlog with one output and one set of options. 1–63 characters of `[a-z0-9-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchId(String);

/// One lease queue of a batch, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub u32);

/// An item of a batch: one recording in one version. 14 characters of base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemId(String);

/// A worker process: unique for each start, never reused, so that two processes of one pod index differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(String);

/// The fencing token of a lease: grows with every claim of an item, even over a restored Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A text that is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a batch name: use 1 to 63 characters of a-z, 0-9 and '-'")]
pub struct InvalidId {
    text: String,
}

impl BatchId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BatchId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 63 || !text.chars().all(allowed) {
            return Err(InvalidId { text: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for BatchId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<BatchId> for String {
    fn from(id: BatchId) -> Self {
        id.0
    }
}

impl ItemId {
    /// The id of a recording: the first 84 bits of SHA-256 over its name, version tag and size. Two more characters
    /// would cost 32 bytes an item in Redis, whose allocator then rounds both copies up from 16 to 32.
    ///
    /// The same recording gives the same id in every run, so that replaying a manifest adds nothing; a recording
    /// that was replaced under its old name is another item.
    #[must_use]
    pub fn of_recording(name: &str, etag: &str, size_bytes: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update((etag.len() as u64).to_le_bytes());
        hash.update(etag.as_bytes());
        hash.update(size_bytes.to_le_bytes());
        let mut id = URL_SAFE_NO_PAD.encode(&hash.finalize()[..12]);
        id.truncate(14);
        Self(id)
    }

    /// An id that was read back from Redis or given by a user; an unknown one simply matches no item.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl WorkerId {
    /// A new identity for this start of a worker: a readable name plus 48 random bits.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(format!("{name}.{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff))
    }

    /// An identity that was read back from Redis.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The readable name without the random part.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('.').map_or(self.0.as_str(), |(name, _)| name)
    }
}

macro_rules! display_as_inner {
    ($($id:ty),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
display_as_inner!(BatchId, ShardId, ItemId, WorkerId, Epoch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_id_depends_on_every_part_and_its_boundary() {
        let id = ItemId::of_recording("a", "b", 1);
        assert_eq!(id.as_str().len(), 14);
        assert_eq!(id, ItemId::of_recording("a", "b", 1));
        for other in [("ab", "", 1), ("a", "c", 1), ("a", "b", 2), ("", "ab", 1)] {
            assert_ne!(id, ItemId::of_recording(other.0, other.1, other.2), "{other:?}");
        }
    }

    #[test]
    fn batch_names_that_could_break_a_key_are_refused() {
        assert!("night-2026".parse::<BatchId>().is_ok());
        for bad in ["", "A", "a b", "a{b}", "a:b", &"x".repeat(64)] {
            assert!(bad.parse::<BatchId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn worker_identities_never_repeat_but_keep_their_name() {
        let (a, b) = (WorkerId::new("local-0"), WorkerId::new("local-0"));
        assert_ne!(a, b);
        assert_eq!(a.name(), "local-0");
    }
}
