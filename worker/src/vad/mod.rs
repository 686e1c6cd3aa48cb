//! Voice activity detection: where a recording holds speech, and how times of the speech alone map back.
//!
//! Samples → [`SpeechDetector`] (one probability every 32 ms) → [`speech_spans`] → [`group_spans`] (windows for batched
//! mode) or [`speech_only`] (one shorter recording for sequential mode) → transcript → [`TimeMap`].

mod chunks;
mod detector;
mod error;
mod spans;
mod time_map;

pub use chunks::{Chunk, group_spans, speech_only};
pub use detector::{SpeechDetector, WINDOW_SAMPLES};
pub use error::VadError;
pub use spans::{Span, SpanRules, speech_spans};
pub use time_map::TimeMap;
