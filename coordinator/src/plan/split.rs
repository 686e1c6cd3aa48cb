//! Which recordings are worked on in parts: those that would keep one worker busy when the others have nothing left.
//!
//! How finely is tried out: the backlog is dealt to the workers, longest first, as they will claim it, with its recordings whole, then in
//! parts no longer than a quarter of a worker's share of all audio, an eighth, and so on, until the workers end at about the same time, also should
//! one of them be slow.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;

use steno_shared::batch::Splitting;
use steno_shared::pieces::{self, PIECE_SECONDS};
use steno_shared::recording::{Recording, RecordingPart};

use super::{micros, predicted_seconds};

/// Parts of a recording at most.
const PARTS_MAX: u32 = 1000;
/// A schedule that ends this close to the mean load is left as it is.
const GOOD_ENOUGH: f64 = 1.02;
/// Finer parts must gain so much of the load, since each costs its worker a start.
const WORTHWHILE: f64 = 0.005;
/// The speed of one worker for which the plan is good as well: GPUs differ, and it is not known yet which is slow.
const SLOWEST: f64 = 1.0 / 3.0;
/// Parts of a worker's share that are tried, one after the other. Nothing longer than the first is left whole, whatever the plan says: on
/// a worker that turns out to be slow, or whose node dies, it would be begun anew late.
const OF_A_SHARE: [f64; 5] = [0.25, 0.125, 0.0625, 0.03125, 0.015625];

/// What the batch has to do beside the recordings that are planned, and with whom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beside {
    /// Workers.
    pub workers: NonZeroU32,
    /// Audio that they have to do already, in seconds.
    pub seconds: f64,
    /// Longest recording that is accepted, in seconds: a longer one fails as a whole.
    pub longest: f64,
}

/// The recordings, some in parts.
#[must_use]
pub fn split(recordings: Vec<Recording>, beside: Beside, splitting: Splitting) -> Vec<Recording> {
    let part_seconds = match splitting {
        Splitting::Never => return recordings,
        Splitting::Longest(seconds) => seconds as f64,
        Splitting::Auto => {
            let seconds: Vec<f64> = recordings.iter().map(predicted_seconds).collect();
            part_seconds(&seconds, beside)
        }
    };
    let in_parts = |recording: Recording| {
        let seconds = predicted_seconds(&recording);
        let count = if seconds > beside.longest { 1 } else { parts(seconds, part_seconds) };
        Recording { seconds, ..recording }.in_parts(count)
    };
    recordings.into_iter().flat_map(in_parts).collect()
}

/// How long parts are to be at most, in seconds; infinite where no recording is to be split. They are never shorter than a piece: each
/// costs its worker a start, for which its recording is fetched and decoded up to it.
fn part_seconds(recordings: &[f64], beside: Beside) -> f64 {
    let total: f64 = recordings.iter().sum::<f64>() + beside.seconds;
    let share = total / f64::from(beside.workers.get());
    if beside.workers.get() == 1 {
        return f64::INFINITY;
    }
    let is_long = recordings.iter().any(|&seconds| seconds > share * OF_A_SHARE[0]);
    let mut best = if is_long {
        (f64::INFINITY, f64::INFINITY)
    } else {
        (over_the_load(recordings, f64::INFINITY, beside, total), f64::INFINITY)
    };
    for of_a_share in OF_A_SHARE {
        if best.0 <= GOOD_ENOUGH {
            break;
        }
        let longest = (share * of_a_share).max(PIECE_SECONDS);
        let over = over_the_load(recordings, longest, beside, total);
        if over < best.0 - WORTHWHILE {
            best = (over, longest);
        }
        if longest <= PIECE_SECONDS {
            break;
        }
    }
    best.1
}

/// Parts that a recording of this length has.
fn parts(seconds: f64, part_seconds: f64) -> u32 {
    pieces::parts(seconds, part_seconds).min(PARTS_MAX)
}

/// The lengths of the recordings in such parts, in microseconds, longest first.
fn lengths(recordings: &[f64], part_seconds: f64) -> Vec<u64> {
    let of_one = |&seconds: &f64| {
        let count = parts(seconds, part_seconds);
        let of_part = move |part: RecordingPart| if count < 2 { seconds } else { part.planned_seconds() };
        RecordingPart::first(seconds, count).all().map(of_part).map(micros)
    };
    let mut lengths: Vec<u64> = recordings.iter().flat_map(of_one).collect();
    lengths.sort_unstable_by_key(|&length| Reverse(length));
    lengths
}

/// When the last worker ends over when all would if the load were spread to the last instant: on equal workers, or with one at a third of
/// the others' speed, whichever is more.
fn over_the_load(recordings: &[f64], part_seconds: f64, beside: Beside, total: f64) -> f64 {
    let lengths = lengths(recordings, part_seconds);
    let over = |slowest: f64| {
        let speed = f64::from(beside.workers.get() - 1) + slowest;
        makespan(&lengths, beside, slowest) * speed / total
    };
    if total > 0.0 { over(1.0).max(over(SLOWEST)) } else { 1.0 }
}

/// When the last of the workers ends that deal these lengths among themselves, one after the other, each to who is done with it first. One
/// of the workers has the speed `slowest`, the others 1.
fn makespan(lengths: &[u64], beside: Beside, slowest: f64) -> f64 {
    let others = beside.workers.get() - 1;
    let begun = micros(beside.seconds / (f64::from(others) + slowest));
    let mut loads: BinaryHeap<Reverse<u64>> = (0..others).map(|_| Reverse(begun)).collect();
    let mut slow = begun;
    for &length in lengths {
        let here = slow.saturating_add((length as f64 / slowest) as u64);
        match loads.peek_mut() {
            Some(mut least) if least.0.saturating_add(length) <= here => {
                least.0 = least.0.saturating_add(length)
            }
            _ => slow = here,
        }
    }
    loads.into_iter().map(|Reverse(load)| load).max().unwrap_or(0).max(slow) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use steno_shared::recording::DurationSource;

    const HOUR: f64 = 3600.0;

    fn recordings(lengths: &[f64]) -> Vec<Recording> {
        let recording = |(index, &seconds): (usize, &f64)| Recording {
            name: format!("{index}"),
            etag: "e".into(),
            size_bytes: 1 << 30,
            seconds,
            seconds_from: DurationSource::Header,
            part: None,
        };
        lengths.iter().enumerate().map(recording).collect()
    }

    fn beside(workers: u32) -> Beside {
        Beside { workers: NonZeroU32::new(workers).unwrap(), seconds: 0.0, longest: 12.0 * HOUR }
    }

    fn ends(recordings: &[Recording], beside: Beside) -> f64 {
        let seconds: Vec<f64> = recordings.iter().map(|recording| recording.seconds).collect();
        makespan(&lengths(&seconds, f64::INFINITY), beside, 1.0)
    }

    #[test]
    fn what_would_run_alone_in_the_end_is_split_and_nothing_else() {
        let mut lengths = vec![10.0 * HOUR];
        lengths.extend([100.0; 360]);
        let split = split(recordings(&lengths), beside(8), Splitting::Auto);
        let (parts, whole): (Vec<_>, Vec<_>) = split.iter().partition(|recording| recording.part.is_some());
        assert_eq!(whole.len(), 360);
        assert!(parts.len() >= 4, "{}", parts.len());
        assert!(parts.iter().all(|part| part.name == "0" && part.seconds >= PIECE_SECONDS / 2.0));
        let share = 20.0 * HOUR / 8.0;
        assert!(ends(&split, beside(8)) <= share * 1.02, "{} of {share}", ends(&split, beside(8)));
    }

    #[test]
    fn recordings_that_do_not_divide_evenly_are_split_as_far_as_it_helps() {
        let hours = recordings(&[HOUR; 17]);
        let split = split(hours.clone(), beside(16), Splitting::Auto);
        assert!((ends(&hours, beside(16)) - 2.0 * HOUR).abs() < 1.0);
        assert!(ends(&split, beside(16)) < 1.1 * 17.0 / 16.0 * HOUR, "{}", ends(&split, beside(16)));
        assert!(split.iter().all(|recording| recording.seconds >= PIECE_SECONDS / 2.0));
    }

    #[test]
    fn nothing_is_split_without_need() {
        let even = recordings(&[600.0; 1000]);
        for (recordings, beside, splitting) in [
            (even.clone(), beside(4), Splitting::Auto),
            (recordings(&[HOUR, 60.0]), beside(1), Splitting::Auto),
            (recordings(&[250.0, 10.0]), beside(8), Splitting::Auto),
            (recordings(&[10.0 * HOUR, 60.0]), beside(8), Splitting::Never),
            (recordings(&[20.0 * HOUR]), beside(8), Splitting::Auto),
            (recordings(&[HOUR]), Beside { seconds: 1000.0 * HOUR, ..beside(8) }, Splitting::Auto),
            (vec![], beside(8), Splitting::Auto),
        ] {
            assert_eq!(split(recordings.clone(), beside, splitting), recordings);
        }
    }

    #[test]
    fn a_length_that_is_asked_for_is_kept_to_with_one_worker_too() {
        let split = split(recordings(&[HOUR, 599.0]), beside(1), Splitting::Longest(600));
        assert_eq!(split.len(), 7);
        assert!(split.iter().all(|recording| recording.seconds <= 600.0));
    }
}
