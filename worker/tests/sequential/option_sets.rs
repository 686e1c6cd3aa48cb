//! Option set by option set, as `tools/reference/sequential.py` wrote what the reference makes of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use steno_shared::options::{Mode, TranscribeOptions};
use steno_tests::audio::repository;

use crate::compare::{Reference, assert_same};
use crate::{Part, engine, pcm, transcribe};

/// The reference's numbers are here as it gave them.
const EXACT: f64 = 1e-9;

#[derive(Deserialize)]
struct Case {
    model: String,
    parts: Vec<Part>,
    options: TranscribeOptions,
    reference: Reference,
}

#[test]
fn each_option_set_gives_the_reference_s_transcript() {
    let folder = repository().join("worker/tests/data/sequential");
    let mut cases: BTreeMap<String, Vec<(String, Case)>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case: Case = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        cases.entry(case.model.clone()).or_default().push((name, case));
    }
    assert!(cases.values().flatten().count() >= 13, "cases are missing");
    for (model, cases) in cases {
        let mut engine = engine(&model);
        for (name, case) in cases {
            let options = TranscribeOptions { mode: Mode::Sequential, ..case.options };
            let ours = transcribe(&mut engine, &pcm(&case.parts), &options);
            assert_same(&name, &ours, &case.reference, EXACT);
        }
    }
}
