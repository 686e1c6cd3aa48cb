//! Aligning written tokens with the audio, by the decoder's attention.

use super::error::NativeError;
use super::speech_model::{Encoded, SpeechModel};
use crate::features::WINDOW_FRAMES;
use crate::transcribe::MAX_LENGTH;

/// Width of the median filter over the attention, in steps of 20 ms.
const MEDIAN_FILTER_WIDTH: i64 = 7;
/// Frames of features in one of the encoder's.
const FRAMES_PER_STEP: usize = 2;

/// How a window's tokens lie in its audio.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alignment {
    /// Pairs of token and step along the audio, both in order and from 0 on, a step being 20 ms. The token after the last
    /// one stands for the end of text. Empty where there is no audio or no text.
    pub path: Vec<(usize, usize)>,
    /// Probability of each token, 0 to 1.
    pub token_probabilities: Vec<f32>,
}

impl SpeechModel {
    /// Aligns each window's text with its audio; one row a window.
    ///
    /// `start_sequence` is start of transcript, language and task; `text_tokens` are below the end of text and the model's
    /// own (the engine reads out of its memory at others); `n_frames` are the windows' lengths in frames of features, of
    /// which more than the encoder's 3000 are left out. Rows without text give an empty alignment (the engine aligns the end
    /// of text alone, by itself and beside other rows), and windows of less than two frames an empty path. Tokens beyond the
    /// decoder's context are not aligned. A row's alignment does not depend on the rows beside it.
    ///
    /// # Errors
    /// When the model cannot align, the device fails, or there are not as many rows as windows.
    pub fn align(
        &self,
        encoded: &Encoded,
        start_sequence: &[u32],
        text_tokens: &[Vec<u32>],
        n_frames: &[usize],
    ) -> Result<Vec<Alignment>, NativeError> {
        // The start sequence, no timestamps, the text and its end must fit; the engine refuses the row else.
        let room = MAX_LENGTH.saturating_sub(start_sequence.len() + 2);
        let rows: Vec<Vec<usize>> = text_tokens
            .iter()
            .map(|row| row.iter().take(room).map(|&token| token as usize).collect())
            .collect();
        // Without any row the engine would end the process.
        if rows.iter().all(Vec::is_empty) {
            return Ok(vec![Alignment::default(); rows.len()]);
        }
        let start: Vec<usize> = start_sequence.iter().map(|&token| token as usize).collect();
        // More frames than there are would make the engine read and write out of its memory.
        let n_frames: Vec<usize> = n_frames.iter().map(|&frames| frames.min(WINDOW_FRAMES)).collect();
        let align = |n_frames: &[usize]| self.align_rows(encoded, &start, &rows, n_frames);
        let mut alignments = if is_normalised_together(&rows, &n_frames) {
            let mut all_but_last = align(&with_shorter(&n_frames, rows.len() - 1))?;
            all_but_last.pop();
            all_but_last.extend(align(&with_shorter(&n_frames, 0))?.pop());
            all_but_last
        } else {
            align(&n_frames)?
        };
        for (alignment, row) in alignments.iter_mut().zip(&rows) {
            if row.is_empty() {
                *alignment = Alignment::default();
            }
        }
        Ok(alignments)
    }

    fn align_rows(
        &self,
        encoded: &Encoded,
        start: &[usize],
        rows: &[Vec<usize>],
        n_frames: &[usize],
    ) -> Result<Vec<Alignment>, NativeError> {
        let doing = "aligning words";
        let results = self
            .timed(doing, encoded.n_windows, || {
                self.whisper.align(&encoded.view, start, rows, n_frames, MEDIAN_FILTER_WIDTH)
            })
            .map_err(|reason| self.failed(doing, &reason))?;
        if results.len() != rows.len() {
            return Err(self.incomplete(doing, "alignment of a window"));
        }
        let position = |index: i64| {
            usize::try_from(index).map_err(|_| self.incomplete(doing, "position of a token in the audio"))
        };
        results
            .into_iter()
            .map(|result| {
                let path = result.alignments.iter();
                let path = path.map(|step| Ok((position(step.token_x)?, position(step.frame_x)?)));
                Ok(Alignment {
                    path: path.collect::<Result<_, NativeError>>()?,
                    token_probabilities: result.text_token_probs,
                })
            })
            .collect()
    }
}

/// Whether the engine would normalise the rows' attention over each other's padding.
///
/// It does so where all windows are of the same length and their texts are not; windows of several lengths it takes one by
/// one.
fn is_normalised_together(rows: &[Vec<usize>], n_frames: &[usize]) -> bool {
    let same_length = n_frames.windows(2).all(|pair| pair[0] / FRAMES_PER_STEP == pair[1] / FRAMES_PER_STEP);
    same_length && rows.windows(2).any(|pair| pair[0].len() != pair[1].len())
}

/// The lengths with one row's made shorter by a step, which makes the engine take the rows one by one. That row's own
/// alignment is then of no use.
fn with_shorter(n_frames: &[usize], row: usize) -> Vec<usize> {
    let shorten = |(i, &frames): (usize, &usize)| {
        if i == row { frames.saturating_sub(FRAMES_PER_STEP) } else { frames }
    };
    n_frames.iter().enumerate().map(shorten).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use ct2rs::sys::{Device, StorageView};
    use steno_shared::options::ComputeType;

    use super::*;
    use crate::features::{LogMel, MelFilters, SAMPLE_RATE};
    use crate::generate::ChosenDevice;
    use crate::pcm::Pcm;
    use crate::tokenizer::TextTokenizer;

    const JFK_FRAMES: usize = 1100;

    struct World {
        model: SpeechModel,
        tokenizer: TextTokenizer,
        /// Features of a recording of 11 s.
        features: Vec<f32>,
    }

    impl World {
        fn new() -> Self {
            let worker = Path::new(env!("CARGO_MANIFEST_DIR"));
            let folder = worker.join("../.local/models/tiny.en");
            let model = SpeechModel::load(&folder, ChosenDevice::Cpu, ComputeType::Float32, 2).unwrap();
            let decoded = Command::new(worker.join("../.local/bin/ffmpeg"))
                .args(["-loglevel", "error", "-i"])
                .arg(worker.join("tests/data/jfk.flac"))
                .args(["-f", "s16le", "-"])
                .output()
                .unwrap();
            let samples: Vec<i16> =
                decoded.stdout.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
            let pcm = Pcm::from(samples);
            let mut log_mel = LogMel::new(&pcm, MelFilters::new(80, 400, SAMPLE_RATE)).unwrap();
            let features = log_mel.window(0, JFK_FRAMES).unwrap();
            let tokenizer = TextTokenizer::load(&folder.join("tokenizer.json")).unwrap();
            Self { model, tokenizer, features }
        }

        /// The recording as so many windows.
        fn encode(&self, n_windows: usize) -> Encoded {
            let mut features = self.features.repeat(n_windows);
            let shape = [n_windows, self.model.n_mels(), WINDOW_FRAMES];
            let view = StorageView::new(&shape, &mut features, Device::CPU).unwrap();
            Encoded { view: self.model.whisper.encode(&view, false).unwrap(), n_windows }
        }

        fn text(&self, words: &str) -> Vec<u32> {
            self.tokenizer.encode(words).unwrap()
        }

        fn align(&self, rows: &[Vec<u32>], n_frames: &[usize]) -> Vec<Alignment> {
            let start = [self.tokenizer.special().sot];
            self.model.align(&self.encode(rows.len().max(1)), &start, rows, n_frames).unwrap()
        }
    }

    fn reached(alignment: &Alignment) -> Vec<usize> {
        let tokens = alignment.path.chunk_by(|a, b| a.0 == b.0);
        tokens.map(|token| token[0].1).collect()
    }

    #[test]
    fn what_the_engine_has_no_answer_to_gives_an_empty_alignment() {
        let world = World::new();
        let text = world.text(" And so my fellow Americans");
        assert_eq!(world.align(&[], &[]), []);
        assert_eq!(world.align(&[vec![]], &[JFK_FRAMES]), [Alignment::default()]);
        let short = world.align(std::slice::from_ref(&text), &[1]);
        assert_eq!((short[0].path.len(), short[0].token_probabilities.len()), (0, text.len()));
        for rows in [[vec![], text.clone()], [text.clone(), vec![]]] {
            for alignment in rows.iter().zip(world.align(&rows, &[JFK_FRAMES; 2])) {
                let tokens = if alignment.0.is_empty() { 0 } else { text.len() + 1 };
                assert_eq!(reached(&alignment.1).len(), tokens);
            }
        }
    }

    #[test]
    fn a_row_beside_others_is_aligned_as_alone() {
        let world = World::new();
        let rows = [
            world.text(" And so my fellow Americans ask not what your country can do for you"),
            world.text(" And so my fellow Americans"),
            world.text(" Ask what you can do for your country."),
        ];
        for n_frames in [[JFK_FRAMES; 3], [JFK_FRAMES, 700, JFK_FRAMES], [WINDOW_FRAMES, 9000, 700]] {
            let together = world.align(&rows, &n_frames);
            for (i, row) in rows.iter().enumerate() {
                let alone = world.align(std::slice::from_ref(row), &n_frames[i..=i]);
                assert_eq!(reached(&together[i]), reached(&alone[0]), "row {i} of {n_frames:?}");
                let ours = together[i].token_probabilities.iter();
                let largest = ours.zip(&alone[0].token_probabilities).map(|(a, b)| (a - b).abs());
                assert!(largest.fold(0.0, f32::max) < 1e-4);
            }
        }
    }

    #[test]
    fn text_beyond_the_decoder_s_context_is_left_out() {
        let world = World::new();
        let long = world.text(" ask not").repeat(300);
        let alignment = &world.align(&[long], &[JFK_FRAMES])[0];
        assert_eq!(alignment.token_probabilities.len(), MAX_LENGTH - 3);
        assert_eq!(reached(alignment).len(), MAX_LENGTH - 2);
    }
}
