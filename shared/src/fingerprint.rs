//! The content fingerprint: which audio, model and options a transcript was made from.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// SHA-256 over audio version, model hash and options hash, in hex (64 characters).
///
/// Two transcripts with the same fingerprint answer the same question, so the first one published stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of one recording's version transcribed with one model and one set of options.
    #[must_use]
    pub fn new(etag: &str, size_bytes: u64, model_hash: &str, options_hash: &str) -> Self {
        let text = format!("steno fingerprint 1\n{etag:?}\n{size_bytes}\n{model_hash}\n{options_hash}\n");
        Self(hex(&Sha256::digest(text.as_bytes())))
    }

    /// The fingerprint as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let base = Fingerprint::new("e", 1, "m", "o");
        assert_eq!(base, Fingerprint::new("e", 1, "m", "o"));
        for other in [("f", 1, "m", "o"), ("e", 2, "m", "o"), ("e", 1, "n", "o"), ("e", 1, "m", "p")] {
            assert_ne!(base, Fingerprint::new(other.0, other.1, other.2, other.3));
        }
    }
}
