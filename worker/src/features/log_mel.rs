//! The log-mel spectrogram of a recording, window by window.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use super::MelFilters;
use crate::pcm::Pcm;

/// Samples a second that everything after decoding works at.
pub const SAMPLE_RATE: usize = 16_000;
/// Frames a second of the spectrogram.
pub const FRAMES_PER_SECOND: usize = SAMPLE_RATE / HOP;
/// Frames of one window of the encoder: 30 s.
pub const WINDOW_FRAMES: usize = 30 * FRAMES_PER_SECOND;

pub(super) const N_FFT: usize = 400;
pub(super) const HOP: usize = 160;
/// Zeros that the reference puts after the samples before anything else.
const TAIL: usize = 160;
/// Least mel power, so that silence has a logarithm.
const FLOOR: f32 = 1e-10;

/// A recording's log-mel spectrogram, as Whisper defines it and faster-whisper computes it.
///
/// 160 zeros follow the samples; both ends are padded by 200 reflected samples; frames of 400 samples every 160 under
/// a periodic Hann window; power spectrum; mel filterbank; log10, held within 8 (80 dB) of the loudest value *of the
/// whole recording*; `(x + 4) / 4`. Measuring that value is one pass, and windows are computed as they are asked for:
/// memory does not grow with the recording.
pub struct LogMel<'a> {
    pcm: &'a Pcm,
    spectrum: Spectrum,
    /// Base-10 logarithm of the loudest mel power.
    peak: f32,
}

impl fmt::Debug for LogMel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogMel")
            .field("n_mels", &self.n_mels())
            .field("n_frames", &self.n_frames())
            .field("peak", &self.peak)
            .finish_non_exhaustive()
    }
}

impl<'a> LogMel<'a> {
    /// Measures the loudest value of a recording.
    ///
    /// # Errors
    /// When samples that are kept in a file cannot be read.
    pub fn new(pcm: &'a Pcm, filters: MelFilters) -> io::Result<Self> {
        let mut log_mel = Self { pcm, spectrum: Spectrum::new(filters), peak: 0.0 };
        let n_frames = log_mel.n_frames();
        let mut loudest = FLOOR;
        for first in (0..n_frames).step_by(WINDOW_FRAMES) {
            log_mel.frames(first..n_frames.min(first + WINDOW_FRAMES), |_, mels| {
                loudest = mels.iter().fold(loudest, |loudest, &mel| loudest.max(mel));
            })?;
        }
        log_mel.peak = loudest.log10();
        Ok(log_mel)
    }

    /// Number of mel bins: 80, or 128 for large-v3 and turbo.
    #[must_use]
    pub fn n_mels(&self) -> usize {
        self.spectrum.filters.n_mels()
    }

    /// Frames of the whole spectrogram: one more than the content's, since 160 zeros follow the samples.
    #[must_use]
    pub fn n_frames(&self) -> usize {
        self.content_frames() + 1
    }

    /// Frames that hold the recording's content: 100 a second, an incomplete last one not counted.
    #[must_use]
    pub fn content_frames(&self) -> usize {
        self.pcm.len() / HOP
    }

    /// The frames `start .. start + n_frames` followed by zeros up to 30 s: `[n_mels, 3000]`, f32, row-major.
    ///
    /// # Errors
    /// When samples that are kept in a file cannot be read.
    pub fn window(&mut self, start: usize, n_frames: usize) -> io::Result<Vec<f32>> {
        let end = start.saturating_add(n_frames.min(WINDOW_FRAMES)).min(self.n_frames());
        let floor = self.peak - 8.0;
        let mut window = vec![0.0; self.n_mels() * WINDOW_FRAMES];
        self.frames(start.min(end)..end, |frame, mels| {
            for (row, mel) in window.chunks_exact_mut(WINDOW_FRAMES).zip(mels) {
                row[frame] = (level(*mel).max(floor) + 4.0) / 4.0;
            }
        })?;
        Ok(window)
    }

    /// Gives the mel powers `[n_mels]` of each frame of a range, with the frame's place in it.
    fn frames(&mut self, frames: Range<usize>, mut give: impl FnMut(usize, &[f32])) -> io::Result<()> {
        if frames.is_empty() {
            return Ok(());
        }
        let samples = padded(self.pcm, frames.start * HOP..(frames.end - 1) * HOP + N_FFT)?;
        let mut mels = vec![0.0; self.n_mels()];
        for frame in 0..frames.len() {
            self.spectrum.frame(&samples[frame * HOP..frame * HOP + N_FFT], &mut mels);
            give(frame, &mels);
        }
        Ok(())
    }
}

/// Base-10 logarithm of a mel power.
pub(super) fn level(mel: f32) -> f32 {
    mel.max(FLOOR).log10()
}

/// The samples of a range that counts from 200 before the first, scaled to ±1, reflected at both ends of the recording
/// with its 160 zeros.
pub(super) fn padded(pcm: &Pcm, range: Range<usize>) -> io::Result<Vec<f32>> {
    let scaled = |sample: &i16| f32::from(*sample) / 32768.0;
    let before = N_FFT / 2;
    if range.start >= before && range.end - before <= pcm.len() {
        let samples = pcm.read(range.start - before..range.end - before)?;
        return Ok(samples.iter().map(scaled).collect());
    }
    let with_zeros = pcm.len() + TAIL;
    let indices: Vec<usize> =
        range.map(|position| reflect(position as isize - before as isize, with_zeros)).collect();
    let first = indices.iter().copied().min().unwrap_or(0);
    let samples = pcm.read(first..indices.iter().copied().max().map_or(first, |last| last + 1))?;
    Ok(indices.iter().map(|index| samples.get(index - first).map_or(0.0, scaled)).collect())
}

/// Computes mel powers a frame at a time; holds the FFT's plan and buffers.
pub(super) struct Spectrum {
    filters: MelFilters,
    hann: Vec<f32>,
    fft: Arc<dyn RealToComplex<f32>>,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl Spectrum {
    pub(super) fn new(filters: MelFilters) -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(N_FFT);
        let hann = (0..N_FFT)
            .map(|n| (0.5 - 0.5 * (2.0 * std::f64::consts::PI * n as f64 / N_FFT as f64).cos()) as f32)
            .collect();
        Self {
            filters,
            hann,
            input: fft.make_input_vec(),
            output: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; N_FFT / 2 + 1],
            fft,
        }
    }

    pub(super) fn n_mels(&self) -> usize {
        self.filters.n_mels()
    }

    /// Mel powers `[n_mels]` of one frame of 400 samples.
    pub(super) fn frame(&mut self, samples: &[f32], mels: &mut [f32]) {
        for ((input, sample), weight) in self.input.iter_mut().zip(samples).zip(&self.hann) {
            *input = sample * weight;
        }
        // The buffers are the plan's own, so their lengths fit; an error would leave the frame silent.
        if self.fft.process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch).is_err() {
            self.output.fill(Complex::default());
        }
        for (power, bin) in self.power.iter_mut().zip(&self.output) {
            *power = bin.norm_sqr();
        }
        self.filters.apply(&self.power, mels);
    }
}

/// The index that `position` falls on when a signal of `len` samples is mirrored at its first and last sample.
fn reflect(position: isize, len: usize) -> usize {
    let period = 2 * (len.max(2) - 1);
    let folded = position.rem_euclid(period as isize) as usize;
    folded.min(period - folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spectrogram(pcm: &Pcm) -> LogMel<'_> {
        LogMel::new(pcm, MelFilters::new(80, N_FFT, SAMPLE_RATE)).unwrap()
    }

    #[test]
    fn reflection_repeats_neither_end_and_goes_on_for_ever() {
        let mirrored: Vec<_> = (-5..8).map(|position| reflect(position, 3)).collect();
        assert_eq!(mirrored, [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]);
    }

    #[test]
    fn frames_of_short_and_round_lengths() {
        for (samples, content) in [(0, 0), (1, 0), (159, 0), (160, 1), (480_000, 3000)] {
            let samples = Pcm::from(vec![0; samples]);
            let mut log_mel = spectrogram(&samples);
            assert_eq!(log_mel.content_frames(), content);
            assert_eq!(log_mel.n_frames(), content + 1);
            assert_eq!(log_mel.window(0, WINDOW_FRAMES).unwrap().len(), 80 * WINDOW_FRAMES);
        }
    }

    #[test]
    fn silence_lies_at_the_floor_and_padding_is_zero() {
        let pcm = Pcm::from(vec![0; 16_000]);
        let window = spectrogram(&pcm).window(0, 100).unwrap();
        assert!((window[0] - -1.5).abs() < 1e-6, "log10 of 1e-10 gives (-10 + 4) / 4: {}", window[0]);
        assert_eq!(window[100..WINDOW_FRAMES], vec![0.0; WINDOW_FRAMES - 100]);
    }

    #[test]
    fn a_window_in_the_middle_is_the_spectrogram_s_own() {
        let samples: Vec<i16> = (0..64_000_i64).map(|n| ((n * n / 7) % 20_000 - 10_000) as i16).collect();
        let pcm = Pcm::from(samples);
        let mut log_mel = spectrogram(&pcm);
        let (whole, part) = (log_mel.window(0, 400).unwrap(), log_mel.window(130, 50).unwrap());
        for mel in 0..80 {
            let row = mel * WINDOW_FRAMES;
            assert_eq!(whole[row + 130..row + 180], part[row..row + 50]);
        }
    }
}
