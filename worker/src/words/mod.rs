//! When each word is said: from the aligned tokens of a window to its segments' words.
//!
//! The arithmetic is that of faster-whisper 1.2.1 (`find_alignment`, `add_word_timestamps`, `merge_punctuations`), free of
//! engine and tokenizer.

mod aligned;
mod anomaly;
mod draft_segment;
mod durations;
mod place;
mod punctuation;

pub use aligned::{AlignedWord, aligned_words};
pub use anomaly::{anomaly_score, is_anomaly};
pub use draft_segment::DraftSegment;
pub use place::place_words;
pub use punctuation::{Punctuation, merge_punctuation};
