//! Which recordings a backlog of speech has. Pure: the same recipe has the same ones.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::condition::Condition;
use super::format::Format;
use super::voice::Voice;
use crate::generate::recording_name;

/// Words a minute that a voice is told to speak, and its pitch of 0 to 99: people differ.
const WORDS_A_MINUTE: std::ops::RangeInclusive<u32> = 145..=175;
const PITCH: std::ops::RangeInclusive<u32> = 35..=65;

/// A backlog of recordings with synthetic speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What all of it follows from.
    pub seed: u64,
    /// What the lengths were drawn from, in words.
    pub lengths: String,
    /// Wanted length of each recording in seconds.
    pub seconds: Vec<f64>,
    /// Each recording has one of these voices,
    pub voices: Vec<Voice>,
    /// one of these formats,
    pub formats: Vec<Format>,
    /// and one of these conditions.
    pub conditions: Vec<Condition>,
}

/// What decides the recordings of a recipe, but for how many they are. It is kept beside the reference texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    seed: u64,
    lengths: String,
    voices: Vec<String>,
    formats: Vec<String>,
    conditions: Vec<String>,
}

/// One recording of a recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Its name in the input.
    pub name: String,
    /// Its wanted length in seconds.
    pub seconds: f64,
    /// Who speaks,
    pub voice: Voice,
    /// how many words a minute,
    pub words_a_minute: u32,
    /// how high, 0 to 99.
    pub pitch: u32,
    /// What it comes in.
    pub format: Format,
    /// What it suffers from.
    pub condition: Condition,
    seed: u64,
    index: usize,
}

impl Recipe {
    /// All recordings, in the order of their names.
    pub fn recordings(&self) -> impl Iterator<Item = Planned> + '_ {
        self.seconds.iter().enumerate().filter_map(|(index, &seconds)| {
            let draw = |what| random_of(self.seed, index, what);
            let format = *one_of(&self.formats, draw("format"))?;
            Some(Planned {
                name: recording_name(index, format.extension()),
                seconds,
                voice: one_of(&self.voices, draw("voice"))?.clone(),
                words_a_minute: draw("pace").random_range(WORDS_A_MINUTE),
                pitch: draw("pitch").random_range(PITCH),
                format,
                condition: *one_of(&self.conditions, draw("condition"))?,
                seed: self.seed,
                index,
            })
        })
    }

    pub(super) fn note(&self) -> Note {
        Note {
            seed: self.seed,
            lengths: self.lengths.clone(),
            voices: self.voices.iter().map(ToString::to_string).collect(),
            formats: self.formats.iter().map(|format| format.extension().to_owned()).collect(),
            conditions: self.conditions.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Planned {
    /// Randomness for a part of its making, which nothing else depends on: not the other recordings, nor the order in which they
    /// are made.
    pub(super) fn random(&self, what: &str) -> StdRng {
        random_of(self.seed, self.index, what)
    }
}

fn random_of(seed: u64, index: usize, what: &str) -> StdRng {
    let digest = Sha256::new()
        .chain_update(seed.to_be_bytes())
        .chain_update((index as u64).to_be_bytes())
        .chain_update(what)
        .finalize();
    StdRng::from_seed(digest.into())
}

fn one_of<T>(all: &[T], mut random: StdRng) -> Option<&T> {
    (!all.is_empty()).then(|| &all[random.random_range(0..all.len())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn recipe(recordings: usize) -> Recipe {
        Recipe {
            seed: 1,
            lengths: "uniform:5,5".to_owned(),
            seconds: vec![5.0; recordings],
            voices: ["en-us", "de", "fr"].map(|name| name.parse().unwrap()).to_vec(),
            formats: vec![Format::Wav, Format::Mp3],
            conditions: ["clean", "noise:10"].map(|name| name.parse().unwrap()).to_vec(),
        }
    }

    #[test]
    fn every_kind_comes_and_a_longer_backlog_begins_alike() {
        let planned: Vec<Planned> = recipe(200).recordings().collect();
        assert!(recipe(50).recordings().eq(planned[..50].iter().cloned()));
        let kinds: HashSet<String> = planned
            .iter()
            .map(|planned| format!("{} {} {}", planned.voice, planned.format.extension(), planned.condition))
            .collect();
        assert_eq!(kinds.len(), 12);
        assert!(planned[0].name.starts_with("0000/0000000."));
        assert_eq!(Recipe { formats: Vec::new(), ..recipe(3) }.recordings().count(), 0);
    }

    #[test]
    fn what_is_drawn_depends_on_nothing_else() {
        let others = Recipe { formats: vec![Format::Flac, Format::Opus, Format::M4a], ..recipe(50) };
        for (planned, other) in recipe(50).recordings().zip(others.recordings()) {
            assert_eq!((&planned.voice, planned.pitch), (&other.voice, other.pitch));
            assert_eq!(planned.random("said"), other.random("said"));
            assert_ne!(planned.random("said"), planned.random("mixed"));
        }
        let other_seed = Recipe { seed: 2, ..recipe(50) };
        assert!(
            !recipe(50)
                .recordings()
                .map(|planned| planned.pitch)
                .eq(other_seed.recordings().map(|planned| planned.pitch))
        );
        assert_ne!(recipe(1).note(), other_seed.note());
        assert_eq!(recipe(1).note(), recipe(2).note());
    }
}
