//! Log-mel spectrograms: what Whisper's encoder reads.

mod log_mel;
mod mel_filters;

pub use log_mel::{FRAMES_PER_SECOND, LogMel, SAMPLE_RATE, WINDOW_FRAMES};
pub use mel_filters::MelFilters;
