//! Transcription options: what faster-whisper's `transcribe()` calls by the same names, with the same defaults.

mod check;
mod transcribe;
mod vad_parameters;

pub use check::OptionsError;
pub use transcribe::{ComputeType, Mode, SegmentTimes, Task, TranscribeOptions};
pub use vad_parameters::VadParameters;
