//! Speech and what disturbs it, as samples for the encoder.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand_distr::StandardNormal;

use super::condition::Condition;
use super::music::{chords, root_mean_square};

/// Root mean square of a recording's samples where somebody speaks: some 22 dB below the loudest, as recordings of speech are.
const LEVEL: f32 = 0.08;
/// Silence between two sentences of a condition without its own, in seconds.
const BREATH_SECONDS: f64 = 0.3;

/// Mixes a recording from its begin to its end.
#[derive(Debug)]
pub(super) struct Mix {
    condition: Condition,
    rate: u32,
    random: StdRng,
    speech_level: f32,
    noise_level: f32,
    music_level: f32,
    /// A turn of the music, and where in it the mix is; empty without any.
    music: Vec<f32>,
    at: usize,
}

impl Mix {
    pub(super) fn new(condition: Condition, rate: u32, mut random: StdRng) -> Self {
        let relative = |db: Option<f64>| db.map_or(0.0, |db| 10_f32.powf(-db as f32 / 20.0));
        let (noise, music) = (relative(condition.noise_db), relative(condition.music_db));
        // Whatever disturbs, the whole is as loud.
        let speech_level = LEVEL / (1.0 + noise * noise + music * music).sqrt();
        Self {
            condition,
            rate,
            speech_level,
            noise_level: noise * speech_level,
            music_level: music * speech_level,
            music: condition.music_db.map_or_else(Vec::new, |_| chords(rate, &mut random)),
            at: 0,
            random,
        }
    }

    /// Its length so far.
    pub(super) fn seconds(&self) -> f64 {
        self.at as f64 / f64::from(self.rate)
    }

    /// A sentence, as 16-bit samples, little-endian.
    pub(super) fn sentence(&mut self, samples: &[f32]) -> Vec<u8> {
        let scale = self.speech_level / root_mean_square(samples).max(1e-6);
        samples.iter().flat_map(|sample| self.next(sample * scale)).collect()
    }

    /// What is between two sentences, likewise.
    pub(super) fn pause(&mut self) -> Vec<u8> {
        let seconds = match self.condition.silence_seconds {
            Some(mean) => mean * self.random.random_range(0.5..1.5),
            None => BREATH_SECONDS,
        };
        (0..(seconds * f64::from(self.rate)) as usize).flat_map(|_| self.next(0.0)).collect()
    }

    fn next(&mut self, speech: f32) -> [u8; 2] {
        let mut sample = speech;
        if self.condition.noise_db.is_some() {
            sample += self.noise_level * self.random.sample::<f32, _>(StandardNormal);
        }
        if !self.music.is_empty() {
            sample += self.music_level * self.music[self.at % self.music.len()];
        }
        self.at += 1;
        // Rounded to the nearest; what is too loud is cut off.
        ((sample * 32_767.0).round() as i16).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    const RATE: u32 = 8_000;

    fn mixed(condition: &str, of: impl Fn(&mut Mix) -> Vec<u8>) -> Vec<f32> {
        let condition = condition.parse().unwrap();
        let bytes = of(&mut Mix::new(condition, RATE, StdRng::seed_from_u64(1)));
        bytes.as_chunks().0.iter().map(|&bytes| f32::from(i16::from_le_bytes(bytes)) / 32_767.0).collect()
    }

    fn tone() -> Vec<f32> {
        (0..4 * RATE).map(|index| (index as f32 * 0.1).sin() * 0.01).collect()
    }

    fn decibels(a: f32, b: f32) -> f32 {
        20.0 * (a / b).log10()
    }

    #[test]
    fn sentences_are_as_loud_as_each_other_whatever_disturbs() {
        for condition in ["clean", "noise:10", "music:0", "noise:-10+music:3"] {
            let level = root_mean_square(&mixed(condition, |mix| mix.sentence(&tone())));
            assert!(decibels(level, LEVEL).abs() < 0.7, "{condition}: {level}");
        }
        assert!(mixed("clean", |mix| mix.sentence(&[0.0; 9])).iter().all(|&sample| sample == 0.0));
    }

    #[test]
    fn what_disturbs_is_quieter_by_the_stated_decibels() {
        for (condition, db) in [("noise:10", 10.0), ("noise:0", 0.0), ("music:12", 12.0)] {
            let pause = |mix: &mut Mix| (0..100).flat_map(|_| mix.pause()).collect();
            let disturbing = root_mean_square(&mixed(condition, pause));
            let speech = LEVEL / (1.0 + 10_f32.powf(-db / 10.0)).sqrt();
            assert!((decibels(speech, disturbing) - db).abs() < 0.5, "{condition}: {disturbing}");
        }
    }

    #[test]
    fn a_condition_has_its_pauses() {
        assert_eq!(mixed("clean", Mix::pause).len(), 2_400);
        assert_eq!(mixed("telephone", Mix::pause), vec![0.0; 2_400]);
        assert!((8_000..24_000).contains(&mixed("silence:2", Mix::pause).len()));
    }
}
