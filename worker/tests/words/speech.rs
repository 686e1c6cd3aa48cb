//! Words of real speech: from the reference's alignments, and from the engine's own.

use std::path::Path;

use serde::Deserialize;
use steno_shared::options::{ComputeType, SegmentTimes, TranscribeOptions};
use steno_shared::worker_config::Device;
use steno_tests::audio::fetched;
use steno_worker::engine::{Engine, EngineError};
use steno_worker::features::{LogMel, MelFilters, SAMPLE_RATE};
use steno_worker::generate::{Alignment, ChosenDevice, NativeError, SpeechModel};
use steno_worker::words::{AlignedWord, DraftSegment, Punctuation, aligned_words, place_words};

use super::support::decoded;
use super::{ReferenceSegment, assert_placed, tokenizer};

#[derive(Deserialize)]
struct Draft {
    seek: usize,
    start: f64,
    end: f64,
    tokens: Vec<u32>,
}

/// A window as the reference took it in and placed its words.
#[derive(Deserialize)]
struct Window {
    model: String,
    recording: String,
    n_frames: usize,
    start_sequence: Vec<u32>,
    language: String,
    drafts: Vec<Draft>,
    /// First and last step of each token.
    steps: Vec<(usize, usize)>,
    probabilities: Vec<f32>,
    /// Word, tokens, start, end, probability.
    aligned: Vec<(String, Vec<u32>, f64, f64, f64)>,
    last_speech: f64,
    segments: Vec<ReferenceSegment>,
    speech_end: f64,
}

impl Window {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("../data/word-speech.json")).unwrap()
    }

    fn what(&self) -> String {
        format!("{} of {} at {}", self.model, self.recording, self.drafts[0].seek)
    }

    fn alignment(&self) -> Alignment {
        let tokens = self.steps.iter().enumerate();
        let path = tokens.flat_map(|(token, &(first, last))| (first..=last).map(move |step| (token, step)));
        Alignment { path: path.collect(), token_probabilities: self.probabilities.clone() }
    }

    fn text_tokens(&self) -> Vec<u32> {
        let eot = tokenizer(&self.model).special().eot;
        let tokens = self.drafts.iter().flat_map(|draft| &draft.tokens);
        tokens.copied().filter(|&token| token < eot).collect()
    }

    fn aligned_words(&self, alignment: &Alignment) -> Vec<AlignedWord> {
        let words = tokenizer(&self.model).split_to_words(&self.text_tokens(), &self.language).unwrap();
        aligned_words(alignment, words)
    }

    /// The window's segments with `words` placed, and where speech ends.
    fn placed(&self, words: Vec<AlignedWord>) -> (Vec<DraftSegment>, f64) {
        let drafts = self.drafts.iter();
        let mut segments: Vec<DraftSegment> = drafts
            .map(|&Draft { seek, start, end, ref tokens }| DraftSegment {
                seek,
                start,
                end,
                tokens: tokens.clone(),
                words: vec![],
            })
            .collect();
        let options = TranscribeOptions::default();
        let eot = tokenizer(&self.model).special().eot;
        let speech_end = place_words(&mut segments, words, Punctuation::of(&options), eot, self.last_speech);
        (segments, speech_end)
    }
}

fn load(folder: &Path) -> SpeechModel {
    SpeechModel::load(folder, ChosenDevice::Cpu, ComputeType::Float32, 2).unwrap()
}

#[test]
fn the_reference_s_alignments_give_its_words() {
    for window in Window::all() {
        let words = window.aligned_words(&window.alignment());
        assert_eq!(words.len(), window.aligned.len(), "{}", window.what());
        for (ours, (word, tokens, start, end, probability)) in words.iter().zip(&window.aligned) {
            assert_eq!((&ours.word, &ours.tokens), (word, tokens), "{}", window.what());
            assert!((ours.start - start).abs() < 1e-9 && (ours.end - end).abs() < 1e-9, "{ours:?}");
            // The probabilities of tokens are kept to seven digits.
            assert!((ours.probability - probability).abs() < 1e-6, "{ours:?}");
        }
        let (segments, speech_end) = window.placed(words);
        assert!((speech_end - window.speech_end).abs() < 1e-9, "{}", window.what());
        assert_placed(&segments, &window.segments, 1e-6, &window.what());
    }
}

#[test]
fn the_engine_s_own_alignments_give_the_reference_s_words() {
    let windows = Window::all();
    for same_model in windows.chunk_by(|a, b| a.model == b.model) {
        let model = load(&fetched(&format!("models/{}", same_model[0].model)).unwrap());
        for same_recording in same_model.chunk_by(|a, b| a.recording == b.recording) {
            let pcm = decoded(&same_recording[0].recording);
            let filters = MelFilters::new(model.n_mels(), 400, SAMPLE_RATE);
            let mut log_mel = LogMel::new(&pcm, filters).unwrap();
            for window in same_recording {
                let features = log_mel.window(window.drafts[0].seek, window.n_frames).unwrap();
                let encoded = model.encode(features).unwrap();
                let rows = [window.text_tokens()];
                let alignments =
                    model.align(&encoded, &window.start_sequence, &rows, &[window.n_frames]).unwrap();
                let (segments, _) = window.placed(window.aligned_words(&alignments[0]));
                assert_placed(&segments, &window.segments, 0.02 + 1e-9, &window.what());
            }
        }
    }
}

#[test]
fn a_model_that_cannot_align_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let original = fetched("models/tiny.en").unwrap();
    for name in ["model.bin", "tokenizer.json", "vocabulary.txt"] {
        std::os::unix::fs::symlink(original.join(name), folder.path().join(name)).unwrap();
    }
    let config = std::fs::read(original.join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    config.as_object_mut().unwrap().remove("alignment_heads").unwrap();
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();

    let model = load(folder.path());
    let encoded = model.encode(vec![0.0; model.n_mels() * 3000]).unwrap();
    let error = model.align(&encoded, &[50257], &[vec![10]], &[3000]).unwrap_err();
    assert!(matches!(error, NativeError::NoAlignmentHeads), "{error}");

    // Before the first recording, and only where it is asked to.
    let engine = Engine::load(folder.path(), Device::Cpu, ComputeType::Float32, 1).unwrap();
    let default = TranscribeOptions::default();
    for options in [
        TranscribeOptions { word_timestamps: true, ..default.clone() },
        TranscribeOptions { segment_times: SegmentTimes::Aligned, ..default.clone() },
    ] {
        let error = engine.check_options(&options).unwrap_err();
        assert!(matches!(error, EngineError::Native(NativeError::NoAlignmentHeads)), "{error}");
    }
    engine.check_options(&default).unwrap();
}
