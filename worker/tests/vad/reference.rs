//! What faster-whisper finds, on real recordings and on made-up probabilities.

use std::ops::ControlFlow;

use serde::Deserialize;
use steno_shared::options::{Mode, TranscribeOptions, VadParameters};
use steno_worker::disposition::Disposition;
use steno_worker::pcm::{Pcm, PcmWriter};
use steno_worker::vad::{
    SpanRules, SpeechDetector, TimeMap, VadError, WINDOW_SAMPLES, group_spans, speech_spans,
};

use super::support::decoded;

#[derive(Deserialize)]
struct Reference {
    recordings: Vec<Recording>,
    cuts: Vec<Cut>,
}

#[derive(Deserialize)]
struct Recording {
    file: String,
    n_samples: usize,
    probabilities: Vec<f32>,
    runs: Vec<Run>,
}

/// The beginning of the first recording, and its last probabilities.
#[derive(Deserialize)]
struct Cut {
    n_samples: usize,
    last: Vec<f32>,
}

#[derive(Deserialize)]
struct MadeUp {
    seed: u64,
    #[serde(flatten)]
    run: Run,
}

#[derive(Deserialize)]
struct Run {
    parameters: VadParameters,
    max_samples: Option<usize>,
    spans: Vec<(usize, usize)>,
    /// Offset and duration in seconds, samples.
    chunks: Vec<(f64, f64, usize)>,
    /// Samples of speech, whether it is an end, index of the span, seconds of the recording.
    times: Vec<(usize, bool, usize, f64)>,
}

impl Run {
    fn check(&self, probabilities: &[f32], n_samples: usize, what: &str) {
        let options = TranscribeOptions {
            mode: Mode::Sequential,
            vad_parameters: self.parameters.clone(),
            ..TranscribeOptions::default()
        };
        let spans = speech_spans(probabilities, n_samples, &SpanRules::new(&options));
        let pairs: Vec<_> = spans.iter().map(|span| (span.start, span.end)).collect();
        assert_eq!(pairs, self.spans, "{what}: {options:?}");
        let chunks = group_spans(&spans, self.max_samples.unwrap_or(usize::MAX));
        let mut before = 0;
        assert_eq!(chunks.len(), self.chunks.len(), "{what}");
        for (chunk, &(offset, duration, n_samples)) in chunks.iter().zip(&self.chunks) {
            assert_eq!(chunk.n_samples(), n_samples, "{what}");
            assert!((chunk.duration_seconds() - duration).abs() < 1e-9, "{what}");
            assert!((before as f64 / 16_000.0 - offset).abs() < 1e-9, "{what}");
            before += n_samples;
        }
        let map = TimeMap::new(&spans);
        for &(sample, is_end, index, seconds) in &self.times {
            let time = sample as f64 / 16_000.0;
            assert_eq!(map.chunk_index(time, is_end), index, "{what}: {time} s of speech");
            for given in [None, Some(index)] {
                let ours = map.original_time(time, given, is_end);
                assert!((ours - seconds).abs() < 1e-9, "{what}: {time} s of speech at {ours}, not {seconds}");
            }
        }
    }
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../data/vad.json")).unwrap()
}

fn probabilities(detector: &mut SpeechDetector, pcm: &Pcm) -> Vec<f32> {
    detector.probabilities(pcm, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn largest_difference(ours: &[f32], reference: &[f32]) -> f32 {
    assert_eq!(ours.len(), reference.len());
    ours.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn real_recordings_have_the_reference_s_probabilities_spans_chunks_and_times() {
    let mut detector = SpeechDetector::new().unwrap();
    for recording in reference().recordings {
        let pcm = decoded(&recording.file);
        assert_eq!(pcm.len(), recording.n_samples, "{}", recording.file);
        let ours = probabilities(&mut detector, &pcm);
        let largest = largest_difference(&ours, &recording.probabilities);
        println!("{}: {} probabilities, largest difference {largest:e}", recording.file, ours.len());
        assert!(largest <= 1e-4, "{}: {largest}", recording.file);
        for run in recording.runs {
            run.check(&ours, pcm.len(), &recording.file);
        }
    }
}

#[test]
fn recordings_of_any_length_end_as_in_the_reference() {
    let samples = decoded("worker/tests/data/jfk.flac").read(0..usize::MAX).unwrap();
    let mut detector = SpeechDetector::new().unwrap();
    for cut in reference().cuts {
        let ours = probabilities(&mut detector, &Pcm::from(samples[..cut.n_samples].to_vec()));
        assert_eq!(ours.len(), cut.n_samples / WINDOW_SAMPLES + 1);
        let largest = largest_difference(&ours[ours.len().saturating_sub(3)..], &cut.last);
        assert!(largest <= 1e-4, "{} samples: {largest}", cut.n_samples);
    }
}

#[test]
fn samples_in_a_file_and_a_second_recording_give_what_they_give_alone() {
    let pcm = decoded("worker/tests/data/jfk.flac");
    let samples = pcm.read(0..usize::MAX).unwrap();
    let mut writer = PcmWriter::new(&std::env::temp_dir(), 0);
    writer.push(&samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>()).unwrap();
    let mut detector = SpeechDetector::new().unwrap();
    let first = probabilities(&mut detector, &pcm);
    assert_eq!(probabilities(&mut detector, &writer.finish()), first);
}

#[test]
fn silence_and_nothing_hold_no_speech() {
    let mut detector = SpeechDetector::new().unwrap();
    for n_samples in [0, 1, 16_000 * 60] {
        let ours = probabilities(&mut detector, &Pcm::from(vec![0; n_samples]));
        assert_eq!(speech_spans(&ours, n_samples, &SpanRules::new(&TranscribeOptions::default())), []);
    }
    assert_eq!(group_spans(&[], 480_000), []);
}

#[test]
fn progress_grows_to_the_end_and_may_stop_it() {
    let pcm = Pcm::from(vec![0; 16_000 * 20]);
    let mut detector = SpeechDetector::new().unwrap();
    let mut told = Vec::new();
    detector
        .probabilities(&pcm, &mut |seconds| {
            told.push(seconds);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(told.len() >= 4 && told.is_sorted() && told.last() == Some(&20.0), "{told:?}");
    let mut n_told = 0;
    let error = detector
        .probabilities(&pcm, &mut |_| {
            n_told += 1;
            if n_told == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap_err();
    assert!(matches!(error, VadError::Interrupted { seconds } if seconds == told[1]), "{error}");
    assert_eq!((n_told, error.disposition()), (2, Disposition::Interrupted));
}

#[test]
fn made_up_probabilities_give_the_reference_s_spans_chunks_and_times() {
    let cases: Vec<MadeUp> = serde_json::from_str(include_str!("../data/vad-spans.json")).unwrap();
    assert_eq!(cases.len(), 300);
    for case in cases {
        let (n_samples, probabilities) = made_up(case.seed);
        case.run.check(&probabilities, n_samples, &format!("seed {}", case.seed));
    }
}

/// The script's made-up recording: its length in samples and its probabilities.
fn made_up(seed: u64) -> (usize, Vec<f32>) {
    let mut state = seed;
    let mut below = |n: u64| {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        (state >> 16) % n
    };
    let n_windows = 1 + below(400) as usize;
    let n_samples = (n_windows - 1) * WINDOW_SAMPLES + below(WINDOW_SAMPLES as u64) as usize;
    let mut thousandths = Vec::new();
    while thousandths.len() < n_windows {
        let (least, range) = [(900, 100), (0, 60), (300, 300), (0, 1000)][below(4) as usize];
        for _ in 0..=below(24) {
            thousandths.push(least + below(range));
        }
    }
    (n_samples, thousandths[..n_windows].iter().map(|&n| (n as f64 / 1000.0) as f32).collect())
}
