//! When to tell how far a download is.

use std::sync::atomic::{AtomicU64, Ordering};

/// Between two tellings, in bytes.
const STEP_BYTES: u64 = 256 << 20;

/// The steps of a download that were told.
#[derive(Debug, Default)]
pub struct Steps(AtomicU64);

impl Steps {
    /// Whether so many bytes are a step further than was told.
    #[must_use]
    pub fn is_next(&self, bytes: u64) -> bool {
        let step = bytes / STEP_BYTES;
        self.0.fetch_max(step, Ordering::Relaxed) < step
    }
}
