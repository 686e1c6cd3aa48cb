//! The log-mel features of a window that stands for itself.

use std::fmt;
use std::io;

use super::log_mel::{HOP, N_FFT, Spectrum, level, padded};
use super::{FRAMES_PER_SECOND, MelFilters, WINDOW_FRAMES};
use crate::pcm::Pcm;

/// Makes features of windows of batched mode, one after the other; holds the FFT's plan and buffers.
///
/// A window is a little recording of its own: same definition as [`super::LogMel`], so the loudest value that the rest
/// is held within 80 dB of is the *window's*.
pub struct WindowFeatures {
    spectrum: Spectrum,
}

impl fmt::Debug for WindowFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowFeatures").field("n_mels", &self.spectrum.n_mels()).finish_non_exhaustive()
    }
}

impl WindowFeatures {
    /// For a model with these filters.
    #[must_use]
    pub fn new(filters: MelFilters) -> Self {
        Self { spectrum: Spectrum::new(filters) }
    }

    /// Features `[n_mels, 3000]`, f32, row-major, of samples of at most 30 s; zeros follow the content.
    ///
    /// # Errors
    /// Never for samples in memory.
    pub fn of(&mut self, samples: Vec<i16>) -> io::Result<Vec<f32>> {
        let n_mels = self.spectrum.n_mels();
        let pcm = Pcm::from(samples);
        let content = pcm.len() / HOP;
        // The frame behind the content counts for the loudest value, and for nothing else.
        let n_frames = content + 1;
        let samples = padded(&pcm, 0..(n_frames - 1) * HOP + N_FFT)?;
        let mut window = vec![0.0; n_mels * WINDOW_FRAMES];
        let mut mels = vec![0.0; n_mels];
        let mut peak = f32::NEG_INFINITY;
        for frame in 0..n_frames {
            self.spectrum.frame(&samples[frame * HOP..frame * HOP + N_FFT], &mut mels);
            for (row, mel) in window.chunks_exact_mut(WINDOW_FRAMES).zip(&mels) {
                let level = level(*mel);
                peak = peak.max(level);
                if frame < content.min(WINDOW_FRAMES) {
                    row[frame] = level;
                }
            }
        }
        let floor = peak - 8.0;
        for row in window.chunks_exact_mut(WINDOW_FRAMES) {
            for level in &mut row[..content.min(WINDOW_FRAMES)] {
                *level = (level.max(floor) + 4.0) / 4.0;
            }
        }
        Ok(window)
    }
}

/// The rest of a window from `seconds` on, as a window of its own: its frames moved to the front, zeros behind them.
#[must_use]
pub fn rest_of_window(features: &[f32], seconds: f64) -> Vec<f32> {
    let skipped = ((seconds * FRAMES_PER_SECOND as f64).round().max(0.0) as usize).min(WINDOW_FRAMES);
    let mut rest = vec![0.0; features.len()];
    for (rest, row) in rest.chunks_exact_mut(WINDOW_FRAMES).zip(features.chunks_exact(WINDOW_FRAMES)) {
        rest[..WINDOW_FRAMES - skipped].copy_from_slice(&row[skipped..]);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::super::{LogMel, SAMPLE_RATE};
    use super::*;

    #[test]
    fn a_window_s_features_are_those_of_a_recording_of_its_own() {
        let filters = MelFilters::new(80, N_FFT, SAMPLE_RATE);
        let mut features = WindowFeatures::new(filters.clone());
        for n_samples in [0_i64, 1, 159, 160, 161, 40_000, 479_999, 480_000] {
            let samples: Vec<i16> =
                (0..n_samples).map(|n| ((n * n / 7) % 20_000 * (n % 900) / 900 - 9_000) as i16).collect();
            let pcm = Pcm::from(samples.clone());
            let mut log_mel = LogMel::new(&pcm, filters.clone()).unwrap();
            let content = log_mel.content_frames();
            assert_eq!(
                features.of(samples).unwrap(),
                log_mel.window(0, content).unwrap(),
                "{n_samples} samples"
            );
        }
    }

    #[test]
    fn the_rest_of_a_window_begins_at_its_front() {
        let window: Vec<f32> = (0..2 * WINDOW_FRAMES).map(|n| n as f32).collect();
        let rest = rest_of_window(&window, 29.98);
        assert_eq!(rest[..3], [2998.0, 2999.0, 0.0]);
        assert_eq!(rest[WINDOW_FRAMES..WINDOW_FRAMES + 3], [5998.0, 5999.0, 0.0]);
        assert_eq!(rest_of_window(&window, 0.0), window);
        assert!(rest_of_window(&window, 31.0).iter().all(|value| *value == 0.0));
    }
}
