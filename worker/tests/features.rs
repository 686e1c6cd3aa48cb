//! Log-mel features against the reference's: `tools/reference/features.py` made the numbers.

use serde::Deserialize;
use steno_worker::features::{LogMel, MelFilters, SAMPLE_RATE, WINDOW_FRAMES};
use steno_worker::pcm::Pcm;

#[derive(Deserialize)]
struct Case {
    n_mels: usize,
    samples: usize,
    frames: usize,
    every_7th: Vec<f32>,
}

/// The script's signal: a chirp that grows louder, with noise.
fn signal(length: usize) -> Vec<i16> {
    let mut state = 1_i64;
    (0..length as i64)
        .map(|n| {
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            let noise = (state >> 16) % 201 - 100;
            let triangle = ((n * n / 4000) % 200 - 100).abs() - 50;
            ((triangle * (n % 5000)).div_euclid(20) + noise) as i16
        })
        .collect()
}

#[test]
fn features_are_those_of_the_reference() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("data/log-mel.json")).unwrap();
    for case in cases {
        let pcm = Pcm::from(signal(case.samples));
        let mut log_mel = LogMel::new(&pcm, MelFilters::new(case.n_mels, 400, SAMPLE_RATE)).unwrap();
        assert_eq!(log_mel.n_frames(), case.frames);
        let window = log_mel.window(0, case.frames).unwrap();
        let ours = window.chunks_exact(WINDOW_FRAMES).flat_map(|row| &row[..case.frames]).step_by(7);
        let largest = ours.clone().zip(&case.every_7th).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert_eq!(ours.count(), case.every_7th.len());
        println!("{} mels, {} samples: largest difference {largest:e}", case.n_mels, case.samples);
        assert!(largest <= 2e-5, "{} mels, {} samples: {largest}", case.n_mels, case.samples);
    }
}
