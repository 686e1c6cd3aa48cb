//! The recordings of a round: of uneven lengths, each with bytes and so with words of its own, a few that cannot be transcribed.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use steno_shared::simulated::Content;
use steno_tests::audio;

/// Recordings of a round.
const RECORDINGS: u32 = 400;
/// One of so many does something to its worker.
const BAD_EVERY: u32 = 50;
const BAD: [&str; 4] = ["poison", "retry", "abort", "hang"];

/// A recording.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) seconds: u32,
    pub(crate) bytes: Vec<u8>,
    /// Whether it cannot be transcribed.
    pub(crate) is_bad: bool,
}

impl Recording {
    /// What its transcript must say.
    pub(crate) fn texts(&self) -> anyhow::Result<Vec<String>> {
        Ok(Content::read(self.bytes.as_slice())?.texts(f64::from(self.seconds)))
    }
}

/// Names of those that cannot be transcribed.
pub(crate) fn bad_names(recordings: &[Recording]) -> BTreeSet<&str> {
    recordings.iter().filter(|recording| recording.is_bad).map(|recording| recording.name.as_str()).collect()
}

/// The recordings of a round. Most are short and few are long, as backlogs are.
pub(crate) fn recordings(seed: u64, round: u32) -> Vec<Recording> {
    let mut random = StdRng::seed_from_u64(seed ^ (u64::from(round) << 32));
    let recording = |index: u32| {
        let is_bad = index % BAD_EVERY == BAD_EVERY - 1;
        // Pareto, cut: a median of 47 s, one in a hundred above a quarter of an hour.
        let drawn: f64 = random.random_range(0.0..1.0_f64);
        let seconds = ((30.0 / (1.0 - drawn).powf(0.66)) as u32).min(1_800);
        let name = match index % 4 {
            0 => format!("2026-11/calls {index:03}.flac"),
            1 => format!("Größe/日本 {index:03}.flac"),
            2 => format!("a/b/c/{index:03}.flac"),
            _ => format!("{index:03}+%41&x=1.flac"),
        };
        let mut bytes = audio::flac_header(seconds, format!("{round:06}{index:010}").as_bytes());
        if is_bad {
            let bad = BAD[(index / BAD_EVERY) as usize % BAD.len()];
            bytes.extend_from_slice(format!("\nsteno-simulated: {bad}\n").as_bytes());
        }
        Recording { name, seconds, bytes, is_bad }
    };
    (0..RECORDINGS).map(recording).collect()
}
