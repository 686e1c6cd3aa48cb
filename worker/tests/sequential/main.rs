//! The sequential pipeline: the reference's transcripts of the repository's recordings, option set by option set, and what
//! is refused. Needs the models tiny.en and base: `make setup-tests` fetches them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod compare;
mod option_sets;
mod recordings;
#[path = "../support/mod.rs"]
mod support;

use std::ops::ControlFlow;

use serde::Deserialize;
use steno_shared::options::{ComputeType, TranscribeOptions, VadParameters};
use steno_shared::worker_config::Device;
use steno_tests::audio::fetched;
use steno_worker::assemble::Transcription;
use steno_worker::disposition::Disposition;
use steno_worker::engine::{Engine, EngineError, Progress};
use steno_worker::pcm::Pcm;

use self::support::decoded;

/// A file of the repository, or seconds of silence.
#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    File(String),
    Silence(f64),
}

fn engine(model: &str) -> Engine {
    Engine::load(&fetched(&format!("models/{model}")).unwrap(), Device::Cpu, ComputeType::Float32, 2).unwrap()
}

fn samples(part: &Part) -> Vec<i16> {
    match part {
        Part::Silence(seconds) => vec![0; (seconds * 16_000.0) as usize],
        Part::File(file) => decoded(file).read(0..usize::MAX).unwrap(),
    }
}

fn pcm(parts: &[Part]) -> Pcm {
    Pcm::from(parts.iter().flat_map(samples).collect::<Vec<_>>())
}

fn jfk() -> Pcm {
    pcm(&[Part::File("worker/tests/data/jfk.flac".into())])
}

fn transcribe(engine: &mut Engine, pcm: &Pcm, options: &TranscribeOptions) -> Transcription {
    engine.transcribe(pcm, options, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn silence_left_out_leaves_nothing_to_transcribe() {
    let options = TranscribeOptions { vad_filter: Some(true), ..TranscribeOptions::sequential() };
    let mut engine = engine("tiny.en");
    for n_samples in [0, 1, 159, 48_000] {
        let ours = transcribe(&mut engine, &Pcm::from(vec![0; n_samples]), &options);
        assert_eq!((ours.segments, ours.duration_after_vad), (vec![], Some(0.0)), "{n_samples} samples");
        assert!((ours.duration - n_samples as f64 / 16_000.0).abs() < 1e-9);
    }
    let ours = transcribe(&mut engine, &jfk(), &TranscribeOptions::sequential());
    assert_eq!(ours.duration_after_vad, None, "nothing was left out");
}

#[test]
fn progress_is_told_in_the_recording_s_time_where_silence_is_left_out() {
    let recording =
        pcm(&[Part::Silence(10.0), Part::File("worker/tests/data/jfk.flac".into()), Part::Silence(10.0)]);
    let options = TranscribeOptions { vad_filter: Some(true), ..TranscribeOptions::sequential() };
    let mut reports: Vec<Progress> = Vec::new();
    let ours = engine("tiny.en")
        .transcribe(&recording, &options, &mut |progress| {
            reports.push(progress);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(ours.segments[0].start > 9.0, "{:?}", ours.segments);
    let idle = reports.iter().take_while(|progress| progress.generations == 0).count();
    assert!(idle > 5, "it is told that speech is being looked for: {idle}");
    assert!(reports.is_sorted_by(|a, b| a.seconds <= b.seconds && a.generations <= b.generations));
    assert!((reports.last().unwrap().seconds - recording.seconds()).abs() < 1e-9);

    let error = engine("tiny.en")
        .transcribe(&recording, &options, &mut |progress| {
            if progress.generations > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap_err();
    assert_eq!(error.disposition(), Disposition::Interrupted);
    let mut calls = 0;
    let error = engine("tiny.en")
        .transcribe(&recording, &options, &mut |_| {
            calls += 1;
            if calls > 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap_err();
    assert_eq!((error.disposition(), calls), (Disposition::Interrupted, 3), "while looking for speech");
}

/// The reference fails here: 223 tokens of hotwords and as many of previous text do not fit its context.
#[test]
fn long_hotwords_and_long_recordings_go_together() {
    let options =
        TranscribeOptions { hotwords: Some("Kennedy, ".repeat(200)), ..TranscribeOptions::sequential() };
    let mut engine = engine("tiny.en");
    let long = TranscribeOptions { initial_prompt: Some("America ".repeat(300)), ..options.clone() };
    assert_eq!(transcribe(&mut engine, &jfk(), &long), transcribe(&mut engine, &jfk(), &options));
}

#[test]
fn contradictory_and_impossible_options_are_refused() {
    let engine = engine("tiny.en");
    let default = TranscribeOptions::sequential;
    let cases = [
        (
            TranscribeOptions { hallucination_silence_threshold: Some(2.0), ..default() },
            "hallucination_silence_threshold is 2",
        ),
        (TranscribeOptions { max_new_tokens: Some(0), ..default() }, "max_new_tokens is 0"),
        (TranscribeOptions { max_new_tokens: Some(448), ..default() }, "has room for 447"),
        (
            TranscribeOptions { max_new_tokens: Some(300), prefix: Some("a ".repeat(200)), ..default() },
            "shorten prefix",
        ),
        (TranscribeOptions { chunk_length: Some(31), ..default() }, "chunk_length is 31"),
        (TranscribeOptions { chunk_length: Some(0), ..default() }, "chunk_length is 0"),
        (TranscribeOptions { clip_timestamps: vec![2.0, 1.0], ..default() }, "each end later than its start"),
        (TranscribeOptions { clip_timestamps: vec![-1.0], ..default() }, "clip_timestamps is -1"),
        (TranscribeOptions { suppress_tokens: vec![60_000], ..default() }, "suppress_tokens is 60000"),
        (TranscribeOptions { suppress_tokens: vec![-2], ..default() }, "suppress_tokens is -2"),
        (
            TranscribeOptions { language_detection_segments: 0, ..default() },
            "language_detection_segments is 0",
        ),
        (
            TranscribeOptions {
                vad_parameters: VadParameters { threshold: 1.5, ..VadParameters::default() },
                ..default()
            },
            "vad_parameters.threshold is 1.5",
        ),
        (TranscribeOptions { patience: 0.05, ..default() }, "patience is 0.05"),
        (TranscribeOptions { repetition_penalty: 0.0, ..default() }, "repetition_penalty is 0"),
        (
            TranscribeOptions { no_speech_threshold: Some(f64::NAN), ..default() },
            "no_speech_threshold is NaN",
        ),
    ];
    for (options, words) in cases {
        let error: EngineError = engine.check_options(&options).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.disposition(), Disposition::Fatal);
    }
    // Hotwords then stand in the windows after the first.
    let both = TranscribeOptions {
        prefix: Some("a".into()),
        hotwords: Some("b".into()),
        ..TranscribeOptions::sequential()
    };
    engine.check_options(&both).unwrap();
}
