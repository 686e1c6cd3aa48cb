//! The whole engine on the real model tiny.en: `make setup` fetches it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::ops::ControlFlow;

use steno_shared::options::{ComputeType, TranscribeOptions};
use steno_shared::worker_config::Device;
use steno_tests::audio::fetched;
use steno_worker::assemble::Transcription;
use steno_worker::disposition::Disposition;
use steno_worker::engine::{Engine, EngineError, Progress};
use steno_worker::pcm::Pcm;

use self::support::decoded;

fn engine() -> Engine {
    Engine::load(&fetched("models/tiny.en").unwrap(), Device::Cpu, ComputeType::Float32, 2).unwrap()
}

fn jfk() -> Vec<i16> {
    decoded("worker/tests/data/jfk.flac").read(0..usize::MAX).unwrap()
}

fn transcribe(engine: &mut Engine, samples: &[i16], options: &TranscribeOptions) -> Transcription {
    engine.transcribe(&Pcm::from(samples.to_vec()), options, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn it_tells_what_it_computes_on() {
    let engine = engine();
    assert_eq!((engine.description().device, engine.description().compute_type), ("cpu", "float32"));
}

#[test]
fn next_to_no_audio_gives_no_segments() {
    let mut engine = engine();
    for n_samples in [0, 1, 159] {
        let ours = transcribe(&mut engine, &vec![0; n_samples], &TranscribeOptions::sequential());
        assert_eq!(ours.segments, [], "{n_samples} samples");
        assert!((ours.duration - n_samples as f64 / 16_000.0).abs() < 1e-9);
    }
}

/// tiny.en makes up a word for silence, with a probability that lets it pass; so it does in the reference.
#[test]
fn exactly_thirty_seconds_of_silence_are_one_window_as_in_the_reference() {
    let mut windows = 0;
    let ours = engine()
        .transcribe(&Pcm::from(vec![0; 480_000]), &TranscribeOptions::sequential(), &mut |progress| {
            windows += u32::from(progress.seconds > 0.0);
            ControlFlow::Continue(())
        })
        .unwrap();
    let texts: Vec<_> = ours.segments.iter().map(|s| (s.text.as_str(), s.start, s.end)).collect();
    assert_eq!(texts, [(" You", 0.0, 2.0)]);
    assert_eq!(windows, 1);
}

#[test]
fn a_second_recording_gives_what_it_gives_alone() {
    let samples = jfk();
    let mut engine = engine();
    let options = TranscribeOptions::sequential();
    let first = transcribe(&mut engine, &samples, &options);
    transcribe(&mut engine, &samples[40_000..90_000], &options);
    assert_eq!(transcribe(&mut engine, &samples, &options), first);
}

#[test]
fn an_initial_prompt_sets_the_spelling() {
    let options = TranscribeOptions {
        initial_prompt: Some("AND SO, MY FELLOW AMERICANS: HE SHOUTS ALL OF IT.".into()),
        ..TranscribeOptions::sequential()
    };
    let ours = transcribe(&mut engine(), &jfk(), &options);
    let plain = transcribe(&mut engine(), &jfk(), &TranscribeOptions::sequential());
    assert_ne!(ours.segments, plain.segments);
}

#[test]
fn progress_grows_to_the_end_and_all_temperatures_are_tried() {
    let samples = [jfk(), jfk(), jfk()].concat();
    // No text is certain, so each temperature fails.
    let options = TranscribeOptions {
        log_prob_threshold: Some(0.0),
        temperature: vec![0.0, 0.4],
        ..TranscribeOptions::sequential()
    };
    let mut reports: Vec<Progress> = Vec::new();
    let ours = engine()
        .transcribe(&Pcm::from(samples), &options, &mut |progress| {
            reports.push(progress);
            ControlFlow::Continue(())
        })
        .unwrap();
    let (first, last) = (reports[0], reports[reports.len() - 1]);
    assert_eq!((first.seconds, first.generations), (0.0, 0));
    assert_eq!((last.seconds, last.total_seconds), (33.0, 33.0));
    assert!(last.generations >= 4 && last.generations % 2 == 0, "two temperatures a window: {last:?}");
    assert!(reports.is_sorted_by(|a, b| a.seconds <= b.seconds && a.generations <= b.generations));
    assert!(
        ours.segments.iter().all(|segment| (segment.temperature - 0.4).abs() < 1e-9),
        "{:?}",
        ours.segments
    );
}

#[test]
fn it_stops_between_windows() {
    let samples = [jfk(), jfk(), jfk(), jfk()].concat();
    let error = engine()
        .transcribe(&Pcm::from(samples), &TranscribeOptions::sequential(), &mut |progress| {
            if progress.seconds > 0.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap_err();
    assert!(
        matches!(error, EngineError::Interrupted { seconds } if seconds > 0.0 && seconds < 44.0),
        "{error}"
    );
    assert_eq!(error.disposition(), Disposition::Interrupted);
}

#[test]
fn options_that_the_model_cannot_meet_are_refused() {
    let engine = engine();
    let default = TranscribeOptions::sequential();
    let cases = [
        (TranscribeOptions { language: Some("de".into()), ..default.clone() }, "knows English only"),
        (TranscribeOptions { temperature: vec![], ..default.clone() }, "temperature is empty"),
        (TranscribeOptions { beam_size: 0, ..default.clone() }, "beam_size is 0"),
        (TranscribeOptions { temperature: vec![f64::NAN], ..default.clone() }, "temperature is NaN"),
    ];
    for (options, words) in cases {
        let error = engine.check_options(&options).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.disposition(), Disposition::Fatal);
    }
    engine.check_options(&TranscribeOptions { language: Some("en".into()), ..default }).unwrap();
}

#[test]
fn an_incomplete_or_damaged_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let load = || Engine::load(folder.path(), Device::Cpu, ComputeType::Default, 1).unwrap_err();
    assert!(load().to_string().contains("model.bin"), "{}", load());
    for name in ["config.json", "tokenizer.json", "vocabulary.txt"] {
        std::fs::copy(fetched("models/tiny.en").unwrap().join(name), folder.path().join(name)).unwrap();
    }
    assert!(load().to_string().contains("incomplete: model.bin missing"), "{}", load());
    std::fs::write(folder.path().join("model.bin"), [0; 64]).unwrap();
    assert!(load().to_string().starts_with("cannot load model"), "{}", load());
    assert_eq!(load().disposition(), Disposition::Fatal);
}
