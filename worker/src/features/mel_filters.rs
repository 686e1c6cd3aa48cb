//! The mel filterbank: triangles on Slaney's mel scale, each scaled to unit area.

/// Highest point of the mel scale used: 8 kHz.
const MAX_MEL: f64 = 45.245_640_471_924_965;
/// Below this the scale is linear, above logarithmic.
const BREAK_HZ: f64 = 1000.0;
/// Width of one mel in the linear part.
const HZ_PER_MEL: f64 = 200.0 / 3.0;

/// Weights `[n_mels, n_bins]` that turn a power spectrum into mel bins.
///
/// Each triangle covers a few neighbouring bins, so only those are kept. The scale is that of M. Slaney's Auditory
/// Toolbox (1998), as librosa and Whisper use it.
#[derive(Debug, Clone)]
pub struct MelFilters {
    triangles: Vec<Triangle>,
}

#[derive(Debug, Clone)]
struct Triangle {
    first_bin: usize,
    weights: Vec<f32>,
}

impl MelFilters {
    /// The filterbank of `n_mels` triangles over the `n_fft / 2 + 1` bins of an FFT at `sample_rate` Hz.
    #[must_use]
    pub fn new(n_mels: usize, n_fft: usize, sample_rate: usize) -> Self {
        let points: Vec<f64> =
            (0..n_mels + 2).map(|point| mel_to_hz(point as f64 * (MAX_MEL / (n_mels + 1) as f64))).collect();
        let bin_hz: Vec<f64> =
            (0..=n_fft / 2).map(|bin| bin as f64 * sample_rate as f64 / n_fft as f64).collect();
        let triangles = points.windows(3).map(|hz| triangle([hz[0], hz[1], hz[2]], &bin_hz)).collect();
        Self { triangles }
    }

    /// Number of mel bins.
    #[must_use]
    pub fn n_mels(&self) -> usize {
        self.triangles.len()
    }

    /// Mel powers `[n_mels]` of one frame's power spectrum `[n_fft / 2 + 1]`.
    pub fn apply(&self, power: &[f32], mels: &mut [f32]) {
        for (triangle, mel) in self.triangles.iter().zip(mels) {
            let bins = &power[triangle.first_bin..triangle.first_bin + triangle.weights.len()];
            *mel = triangle.weights.iter().zip(bins).map(|(weight, power)| weight * power).sum();
        }
    }
}

fn mel_to_hz(mel: f64) -> f64 {
    let break_mel = BREAK_HZ / HZ_PER_MEL;
    if mel < break_mel {
        HZ_PER_MEL * mel
    } else {
        // 27 steps of the logarithmic part take the frequency to 6.4 times itself.
        BREAK_HZ * ((6.4_f64).ln() / 27.0 * (mel - break_mel)).exp()
    }
}

fn triangle([low, centre, high]: [f64; 3], bin_hz: &[f64]) -> Triangle {
    let weight = |hz: f64| {
        let rising = (hz - low) / (centre - low);
        let falling = (high - hz) / (high - centre);
        (rising.min(falling).max(0.0) * 2.0 / (high - low)) as f32
    };
    let weights: Vec<f32> = bin_hz.iter().map(|&hz| weight(hz)).collect();
    let first_bin = weights.iter().position(|&weight| weight > 0.0).unwrap_or(0);
    let end = weights.iter().rposition(|&weight| weight > 0.0).map_or(first_bin, |last| last + 1);
    Triangle { first_bin, weights: weights[first_bin..end].to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_triangle_has_about_unit_area_and_they_rise_in_order() {
        for n_mels in [80, 128] {
            let filters = MelFilters::new(n_mels, 400, 16_000);
            assert_eq!(filters.n_mels(), n_mels);
            let firsts: Vec<_> = filters.triangles.iter().map(|triangle| triangle.first_bin).collect();
            assert!(firsts.is_sorted(), "{firsts:?}");
            // The wide triangles at the top are sampled finely enough for their area to show.
            let area: f32 = filters.triangles[n_mels - 1].weights.iter().sum::<f32>() * 40.0;
            assert!((area - 1.0).abs() < 0.05, "{area}");
        }
    }
}
