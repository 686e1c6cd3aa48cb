//! The recordings of a round: of uneven lengths, each with bytes and so with words of its own, a few that cannot be transcribed.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use steno_shared::simulated::Content;
use steno_tests::audio;

/// Recordings of a round.
const RECORDINGS: u32 = 400;
/// One of so many does something to its worker.
const BAD_EVERY: u32 = 50;
const BAD: [Bad; 4] = [
    Bad { directive: "poison", class: "poison", reason: "rehearses this fault" },
    Bad { directive: "retry", class: "retry", reason: "rehearses this fault" },
    Bad { directive: "abort", class: "lost", reason: "vanished twice" },
    Bad { directive: "hang", class: "lost", reason: "vanished twice" },
];

/// What a recording does to its worker, and what is said of it then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bad {
    directive: &'static str,
    /// Of its error.
    pub(crate) class: &'static str,
    /// Words of its error.
    pub(crate) reason: &'static str,
}

/// A recording.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) seconds: u32,
    pub(crate) bytes: Vec<u8>,
    /// Why it cannot be transcribed, if so.
    pub(crate) bad: Option<Bad>,
}

impl Recording {
    /// What its transcript must say.
    pub(crate) fn texts(&self) -> anyhow::Result<Vec<String>> {
        Ok(Content::read(self.bytes.as_slice())?.texts(f64::from(self.seconds)))
    }
}

/// Names of those that cannot be transcribed, and why.
pub(crate) fn bad_ones(recordings: &[Recording]) -> BTreeMap<&str, Bad> {
    recordings.iter().filter_map(|recording| Some((recording.name.as_str(), recording.bad?))).collect()
}

/// The recordings of a round. Most are short and few are long, as backlogs are.
pub(crate) fn recordings(seed: u64, round: u32) -> Vec<Recording> {
    let mut random = StdRng::seed_from_u64(seed ^ (u64::from(round) << 32));
    let recording = |index: u32| {
        let is_bad = index % BAD_EVERY == BAD_EVERY - 1;
        let bad = is_bad.then(|| BAD[(index / BAD_EVERY) as usize % BAD.len()]);
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
        if let Some(Bad { directive, .. }) = bad {
            bytes.extend_from_slice(format!("\nsteno-simulated: {directive}\n").as_bytes());
        }
        Recording { name, seconds, bytes, bad }
    };
    (0..RECORDINGS).map(recording).collect()
}
