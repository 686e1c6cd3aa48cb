//! Speech probabilities by Silero VAD v6.

use std::fmt;
use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use tract_onnx::prelude::*;

use super::VadError;
use crate::features::SAMPLE_RATE;
use crate::pcm::Pcm;

/// Samples that one probability stands for: 32 ms.
pub const WINDOW_SAMPLES: usize = 512;

/// Samples before a window that the model hears with it.
const CONTEXT: usize = 64;
const ROW: usize = CONTEXT + WINDOW_SAMPLES;
/// Windows given to the model at once, 4 s: larger blocks are no faster, and progress is told after each.
const BLOCK: usize = 128;
/// The state `h` and `c` of the model's LSTM.
const STATE: [usize; 3] = [1, 1, 128];

/// Silero VAD v6 as faster-whisper 1.2.1 ships it: `input [n, 576]`, `h`, `c` → `speech_probs [n]`, `hn`, `cn`, all f32.
/// The `n` windows follow each other in time.
static MODEL: &[u8] = include_bytes!("../../assets/silero_vad_v6.onnx");

/// Tells speech from everything else. Works on the calling thread alone.
pub struct SpeechDetector {
    model: Arc<TypedRunnableModel>,
}

impl fmt::Debug for SpeechDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechDetector").finish_non_exhaustive()
    }
}

impl SpeechDetector {
    /// Makes the model ready, which takes some 10 ms.
    ///
    /// # Errors
    /// When the model within this program is damaged.
    pub fn new() -> Result<Self, VadError> {
        let load = || {
            tract_onnx::onnx()
                .model_for_read(&mut &*MODEL)?
                .with_input_fact(0, f32::fact([BLOCK, ROW]).into())?
                .with_input_fact(1, f32::fact(STATE).into())?
                .with_input_fact(2, f32::fact(STATE).into())?
                .into_optimized()?
                .into_runnable()
        };
        let model = load().map_err(|error: TractError| VadError::Load { reason: format!("{error:#}") })?;
        Ok(Self { model })
    }

    /// The probability of speech, 0 to 1, in each 512 samples; the last ones, followed by zeros, give one more.
    ///
    /// Samples are read a few seconds at a time. After each block `progress` is told the seconds done; when it breaks,
    /// this stops with [`VadError::Interrupted`].
    ///
    /// # Errors
    /// When samples cannot be read back, the model fails, or it was stopped.
    pub fn probabilities(
        &mut self,
        pcm: &Pcm,
        progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Vec<f32>, VadError> {
        let n_windows = pcm.len() / WINDOW_SAMPLES + 1;
        let mut probabilities = Vec::with_capacity(n_windows);
        let mut blocks = Blocks::new(&self.model).map_err(|error| failed(0.0, &error))?;
        for start in (0..n_windows).step_by(BLOCK) {
            let windows = start..n_windows.min(start + BLOCK);
            let found = blocks
                .next(&rows(pcm, windows.clone())?)
                .map_err(|error| failed(seconds(start * WINDOW_SAMPLES), &error))?;
            probabilities.extend_from_slice(&found[..windows.len()]);
            let seconds = seconds(pcm.len().min(windows.end * WINDOW_SAMPLES));
            if progress(seconds).is_break() {
                return Err(VadError::Interrupted { seconds });
            }
        }
        Ok(probabilities)
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / SAMPLE_RATE as f64
}

fn failed(seconds: f64, error: &TractError) -> VadError {
    VadError::Failed { seconds, reason: format!("{error:#}") }
}

/// One recording's run through the model, block after block.
struct Blocks {
    plan: TypedSimpleState,
    /// `h` and `c` after the last block.
    state: [TValue; 2],
}

impl Blocks {
    fn new(model: &Arc<TypedRunnableModel>) -> TractResult<Self> {
        let zeros = Tensor::zero::<f32>(&STATE)?;
        Ok(Self { plan: model.spawn()?, state: [zeros.clone().into(), zeros.into()] })
    }

    /// The probabilities `[BLOCK]` of the next windows, `[BLOCK, ROW]`.
    fn next(&mut self, rows: &[f32]) -> TractResult<Vec<f32>> {
        let rows = Tensor::from_shape(&[BLOCK, ROW], rows)?;
        let [h, c] = self.state.clone();
        let outputs = self.plan.run(tvec!(rows.into(), h, c))?;
        let mut outputs = outputs.into_iter();
        let (Some(probabilities), Some(h), Some(c)) = (outputs.next(), outputs.next(), outputs.next()) else {
            return Err(TractError::msg("the model has fewer than 3 outputs"));
        };
        self.state = [h, c];
        Ok(probabilities.to_plain_array_view::<f32>()?.iter().copied().collect())
    }
}

/// A block of windows as the model wants them: `[BLOCK, ROW]`, full scale ±1, each with the 64 samples before it. Rows
/// without a window are zero.
///
/// As in the reference, the last window of the recording ends in 64 zeros, even where samples were.
fn rows(pcm: &Pcm, windows: Range<usize>) -> io::Result<Vec<f32>> {
    let n_windows = pcm.len() / WINDOW_SAMPLES + 1;
    let heard = pcm.len().min(n_windows * WINDOW_SAMPLES - CONTEXT);
    let start = windows.start * WINDOW_SAMPLES;
    let mut samples = vec![0.0; windows.len() * WINDOW_SAMPLES + CONTEXT];
    // Before the first window there are zeros.
    let before = CONTEXT.min(start);
    let read = pcm.read(start - before..heard.min(windows.end * WINDOW_SAMPLES))?;
    for (sample, read) in samples[CONTEXT - before..].iter_mut().zip(read) {
        *sample = f32::from(read) / 32768.0;
    }
    let mut rows = vec![0.0; BLOCK * ROW];
    for (row, window) in rows.chunks_exact_mut(ROW).zip(0..windows.len()) {
        row.copy_from_slice(&samples[window * WINDOW_SAMPLES..window * WINDOW_SAMPLES + ROW]);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: usize) -> f32 {
        (n % 1000) as f32 / 32768.0
    }

    #[test]
    fn each_window_comes_with_what_is_before_it_and_the_last_ends_in_zeros() {
        let pcm = Pcm::from((0..3 * 512 + 500).map(|n| (n % 1000) as i16).collect::<Vec<_>>());
        let rows = rows(&pcm, 0..4).unwrap();
        assert_eq!(rows.len(), BLOCK * ROW);
        assert_eq!(rows[..CONTEXT], [0.0; CONTEXT]);
        assert_eq!(rows[CONTEXT..CONTEXT + 2], [sample(0), sample(1)]);
        let second: Vec<f32> = (512 - 64..1024).map(sample).collect();
        assert_eq!(rows[ROW..2 * ROW], second);
        let last: Vec<f32> = (3 * 512 - 64..4 * 512 - 64).map(sample).collect();
        assert_eq!(rows[3 * ROW..4 * ROW - 64], last, "samples up to 64 before the window's end");
        assert!(rows[4 * ROW - 64..].iter().all(|&sample| sample == 0.0));
    }

    #[test]
    fn a_later_block_begins_with_the_samples_before_it() {
        let pcm = Pcm::from((0..5000).map(|n| (n % 1000) as i16).collect::<Vec<_>>());
        assert_eq!(rows(&pcm, 3..5).unwrap()[..2 * ROW], rows(&pcm, 0..5).unwrap()[3 * ROW..5 * ROW]);
    }
}
