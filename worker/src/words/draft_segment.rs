//! A segment before its words and text are settled.

use steno_shared::transcript::Word;

/// A segment of a window, as cut at the timestamps.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftSegment {
    /// The window's first frame.
    pub seek: usize,
    /// Start in seconds from the recording's start.
    pub start: f64,
    /// End in seconds.
    pub end: f64,
    /// The tokens, timestamps included.
    pub tokens: Vec<u32>,
    /// The words with their times, once they are placed.
    pub words: Vec<Word>,
}
