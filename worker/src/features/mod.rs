//! Log-mel spectrograms: what Whisper's encoder reads.

mod log_mel;
mod mel_filters;
mod window_features;

pub use log_mel::{FRAMES_PER_SECOND, LogMel, SAMPLE_RATE, WINDOW_FRAMES};
pub use mel_filters::MelFilters;
pub use window_features::{WindowFeatures, rest_of_window};
