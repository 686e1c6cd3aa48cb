//! The repository's recordings with default options, as `tools/reference/recordings.py` wrote what the reference makes of
//! them.

use std::collections::BTreeMap;

use serde::Deserialize;
use steno_shared::options::TranscribeOptions;
use steno_worker::pcm::Pcm;

use crate::compare::{Reference, assert_same};
use crate::{Part, engine, samples, transcribe};

/// An AAC packet: by so much the reference's libav 8 gives more than a newer ffmpeg, which trims the last packet.
const PADDING_SAMPLES_MAX: usize = 1024;

/// The reference's numbers are rounded to six decimals here.
const ROUNDED: f64 = 1e-6;

#[derive(Deserialize)]
struct Dump {
    recordings: BTreeMap<String, Recording>,
}

#[derive(Deserialize)]
struct Recording {
    n_samples: usize,
    sequential: Reference,
    words: Reference,
}

/// The recording as Steno decodes it, brought to the length at which the reference decoded it.
fn padded(name: &str, n_samples: usize) -> Vec<i16> {
    let mut samples = samples(&Part::File(format!("samples/{name}")));
    let missing = n_samples.checked_sub(samples.len());
    assert!(
        missing.is_some_and(|missing| missing < PADDING_SAMPLES_MAX),
        "{name}: {} samples, the reference has {n_samples}",
        samples.len()
    );
    samples.resize(n_samples, 0);
    samples
}

fn compare(model: &str, dump: &str) {
    let dump: Dump = serde_json::from_str(dump).unwrap();
    assert!(dump.recordings.len() >= 5, "the dump is not of all samples");
    let mut engine = engine(model);
    let plain = TranscribeOptions::sequential();
    let with_words = TranscribeOptions { word_timestamps: true, ..TranscribeOptions::sequential() };
    for (name, Recording { n_samples, sequential, words }) in dump.recordings {
        let pcm = Pcm::from(padded(&name, n_samples));
        for (what, options, reference) in [("plain", &plain, sequential), ("words", &with_words, words)] {
            let ours = transcribe(&mut engine, &pcm, options);
            assert_same(&format!("{model}, {name}, {what}"), &ours, &reference, ROUNDED);
        }
    }
}

#[test]
fn tiny_en_gives_the_reference_s_transcripts() {
    compare("tiny.en", include_str!("../data/reference/tiny.en.json"));
}

#[test]
fn base_gives_the_reference_s_transcripts() {
    compare("base", include_str!("../data/reference/base.json"));
}
