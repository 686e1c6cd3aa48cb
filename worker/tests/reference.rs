//! The repository's recordings through the whole engine, against what the reference made of them.
//!
//! `make reference-data` made the dumps in `data/reference/`; `make setup-tests` fetches the models.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use steno_shared::options::{ComputeType, TranscribeOptions};
use steno_shared::transcript::Segment;
use steno_shared::worker_config::{Device, WorkLimits};
use steno_worker::decode_audio::{DecodeRequest, decode_audio};
use steno_worker::engine::Engine;
use steno_worker::pcm::Pcm;

/// Whisper's timestamps stand 0.02 s apart.
const TOLERANCE_SECONDS: f64 = 0.02 + 1e-9;
/// An AAC packet: by so much the reference's libav 8 gives more than a newer ffmpeg, which trims the last packet.
const PADDING_SAMPLES_MAX: usize = 1024;

#[derive(Deserialize)]
struct Dump {
    recordings: BTreeMap<String, Recording>,
}

#[derive(Deserialize)]
struct Recording {
    n_samples: usize,
    sequential: Reference,
}

#[derive(Deserialize)]
struct Reference {
    language: String,
    segments: Vec<Segment>,
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn local(name: &str) -> PathBuf {
    let path = repository().join(".local").join(name);
    assert!(path.exists(), "no {}: run make setup-tests", path.display());
    path
}

/// The recording as Steno decodes it, brought to the length at which the reference decoded it.
fn samples(name: &str, n_samples: usize) -> Vec<i16> {
    let request = DecodeRequest {
        path: &repository().join("samples").join(name),
        expected_seconds: None,
        ffmpeg: &local("bin/ffmpeg"),
        worker: Path::new(env!("CARGO_BIN_EXE_steno-worker")),
        spool: &std::env::temp_dir(),
        limits: WorkLimits::default().into(),
    };
    let decoded = decode_audio(&request, &mut |_| ControlFlow::Continue(())).unwrap();
    let mut samples = decoded.pcm.read(0..usize::MAX).unwrap();
    let missing = n_samples.checked_sub(samples.len()).unwrap();
    assert!(
        missing < PADDING_SAMPLES_MAX,
        "{name}: {} samples, the reference has {n_samples}",
        samples.len()
    );
    samples.resize(n_samples, 0);
    samples
}

fn compare(model: &str, dump: &str) {
    let dump: Dump = serde_json::from_str(dump).unwrap();
    let mut engine =
        Engine::load(&local("models").join(model), Device::Cpu, ComputeType::Float32, 1).unwrap();
    assert!(dump.recordings.len() >= 5, "the dump is not of all samples");
    for (name, Recording { n_samples, sequential: reference }) in dump.recordings {
        let pcm = Pcm::from(samples(&name, n_samples));
        let options = TranscribeOptions::sequential();
        let ours = engine.transcribe(&pcm, &options, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(ours.language, reference.language, "{model}, {name}");
        if reference.segments.iter().any(|segment| segment.temperature > 0.0) {
            // The text was drawn at random: only that no beam search satisfied can be told.
            let drawn = ours.segments.iter().any(|segment| segment.temperature > 0.0);
            assert!(drawn, "{model}, {name}: the reference sampled");
            continue;
        }
        assert_segments(&format!("{model}, {name}"), &ours.segments, &reference.segments);
    }
}

fn assert_segments(what: &str, ours: &[Segment], reference: &[Segment]) {
    let texts = |segments: &[Segment]| segments.iter().map(|s| s.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(ours), texts(reference), "{what}");
    for (ours, reference) in ours.iter().zip(reference) {
        let text = &reference.text;
        for (value, ours, reference, tolerance) in [
            ("start", ours.start, reference.start, TOLERANCE_SECONDS),
            ("end", ours.end, reference.end, TOLERANCE_SECONDS),
            ("avg_logprob", ours.avg_logprob, reference.avg_logprob, 1e-3),
            ("no_speech_prob", ours.no_speech_prob, reference.no_speech_prob, 1e-3),
            ("compression_ratio", ours.compression_ratio, reference.compression_ratio, 1e-6),
        ] {
            assert!(
                (ours - reference).abs() <= tolerance,
                "{what}: {value} {ours} is not {reference} in{text}"
            );
        }
    }
}

#[test]
fn tiny_en_gives_the_reference_s_transcripts() {
    compare("tiny.en", include_str!("data/reference/tiny.en.json"));
}

#[test]
fn base_gives_the_reference_s_transcripts() {
    compare("base", include_str!("data/reference/base.json"));
}
