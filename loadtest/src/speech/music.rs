//! Music for under the speech: chords that follow each other in a loop.

use std::f64::consts::TAU;

use rand::Rng;
use rand::seq::IndexedRandom as _;

/// Semitones above the key's lowest note.
type Chord = [i32; 3];

const I: Chord = [0, 4, 7];
const II: Chord = [2, 5, 9];
const IV: Chord = [5, 9, 12];
const V: Chord = [7, 11, 14];
const VI: Chord = [9, 12, 16];

const PROGRESSIONS: [[Chord; 4]; 4] = [[I, VI, IV, V], [I, V, VI, IV], [VI, IV, I, V], [II, V, I, VI]];

/// Loudness of the overtones of a note.
const OVERTONES: [f64; 3] = [1.0, 0.5, 0.25];

/// One turn of the loop, of a mean square of 1.
pub(super) fn chords(rate: u32, random: &mut impl Rng) -> Vec<f32> {
    let progression = PROGRESSIONS.choose(random).copied().unwrap_or_default();
    // From the A below middle C on, one octave.
    let key_hz = 220.0 * 2_f64.powf(f64::from(random.random_range(0..12)) / 12.0);
    let chord_seconds = random.random_range(0.8..2.4);
    let n_samples = (f64::from(rate) * chord_seconds) as usize;
    let mut turn = Vec::with_capacity(progression.len() * n_samples);
    for chord in progression {
        let notes = chord.map(|semitones| key_hz * 2_f64.powf(f64::from(semitones) / 12.0));
        turn.extend((0..n_samples).map(|index| {
            let seconds = index as f64 / f64::from(rate);
            // Struck, and fading; the start is no click.
            let loudness = (seconds / 0.02).min(1.0) * (-seconds).exp();
            let tone = |hz: f64| -> f64 {
                (1..).zip(OVERTONES).map(|(n, share)| share * (TAU * hz * f64::from(n) * seconds).sin()).sum()
            };
            (loudness * notes.map(tone).iter().sum::<f64>()) as f32
        }));
    }
    let scale = 1.0 / root_mean_square(&turn).max(1e-9);
    turn.iter_mut().for_each(|sample| *sample *= scale);
    turn
}

pub(super) fn root_mean_square(samples: &[f32]) -> f32 {
    let squares: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (squares / samples.len().max(1) as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn a_turn_has_the_stated_loudness_and_a_seed_the_same_music() {
        let turn = |seed| chords(8_000, &mut StdRng::seed_from_u64(seed));
        assert!((root_mean_square(&turn(1)) - 1.0).abs() < 1e-3);
        assert!(turn(1).len() > 4 * 6_000 && turn(1).iter().all(|sample| sample.abs() < 10.0));
        assert_eq!(turn(1), turn(1));
        assert_ne!(turn(1), turn(2));
    }
}
