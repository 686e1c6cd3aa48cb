use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use steno_shared::recording::DurationSource;

use super::*;

fn recording(name: impl Into<String>, seconds: f64) -> Recording {
    Recording {
        name: name.into(),
        etag: "e".into(),
        size_bytes: 16_000,
        seconds,
        seconds_from: DurationSource::Header,
        part: None,
    }
}

fn workers(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// Many short ones with a heavy tail, as backlogs are.
fn backlog(random: &mut StdRng, count: usize) -> Vec<Recording> {
    let seconds = |random: &mut StdRng| match random.random_range(0..10) {
        0 => random.random_range(600.0..7200.0),
        1 => 0.0,
        2 => 60.0,
        _ => random.random_range(1.0..300.0),
    };
    (0..count).map(|index| recording(format!("{index:06}"), seconds(random))).collect()
}

#[test]
fn nothing_is_lost_or_doubled_and_order_of_arrival_changes_nothing() {
    let mut random = StdRng::seed_from_u64(1);
    for round in 0..200 {
        let count = random.random_range(0..200);
        let mut recordings = backlog(&mut random, count);
        let shards = workers(random.random_range(1..20));
        let planned = plan(recordings.clone(), shards);
        assert_eq!(planned.len(), shards.get() as usize, "round {round}");
        let mut seen = BTreeMap::new();
        for recording in planned.iter().flat_map(|shard| &shard.recordings) {
            *seen.entry(recording.name.clone()).or_insert(0) += 1;
        }
        assert!(seen.len() == recordings.len() && seen.values().all(|&times| times == 1), "round {round}");
        for shard in &planned {
            assert!(shard.recordings.is_sorted_by(|a, b| a.seconds >= b.seconds), "round {round}");
            let sum: f64 = shard.recordings.iter().map(predicted_seconds).sum();
            assert!((sum - shard.seconds).abs() < 0.01, "round {round}");
        }
        recordings.shuffle(&mut random);
        assert_eq!(plan(recordings, shards), planned, "round {round}");
    }
}

#[test]
fn empty_recordings_are_spread_too() {
    let planned = plan((0..100).map(|index| recording(format!("{index}"), 0.0)).collect(), workers(4));
    assert!(planned.iter().all(|shard| shard.recordings.len() == 25));
}

#[test]
fn lengths_that_are_none_are_predicted_from_the_size() {
    for seconds in [f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(predicted_seconds(&recording("a.mp3", seconds)), 1.0);
    }
    let planned = plan(vec![recording("a.mp3", f64::NAN), recording("b.mp3", 0.5)], workers(1));
    assert_eq!(planned[0].recordings[0].name, "a.mp3");
}

/// What workers do: each pulls the longest of its own shard, and when that is empty the longest of the shard with
/// the most seconds left. Returns when the last one ends.
fn makespan(shards: &[Shard], actual: impl Fn(&Recording) -> f64) -> f64 {
    let mut left: Vec<_> = shards.iter().map(|shard| (shard.recordings.iter(), shard.seconds)).collect();
    let mut free_at: Vec<f64> = vec![0.0; shards.len()];
    loop {
        let worker = (0..free_at.len()).min_by(|a, b| free_at[*a].total_cmp(&free_at[*b])).unwrap();
        let own_is_empty = left[worker].0.len() == 0;
        let shard = if own_is_empty {
            let most = (0..left.len())
                .filter(|shard| left[*shard].0.len() > 0)
                .max_by(|a, b| left[*a].1.total_cmp(&left[*b].1));
            match most {
                Some(shard) => shard,
                None => return free_at.into_iter().fold(0.0, f64::max),
            }
        } else {
            worker
        };
        let recording = left[shard].0.next().unwrap();
        left[shard].1 -= predicted_seconds(recording);
        free_at[worker] += actual(recording);
    }
}

#[test]
fn longest_first_with_helpers_is_within_the_bound() {
    let mut random = StdRng::seed_from_u64(2);
    let mut worst = 0.0f64;
    for round in 0..300 {
        let m = random.random_range(1..12);
        let count = random.random_range(1..200);
        let recordings = backlog(&mut random, count);
        let total: f64 = recordings.iter().map(predicted_seconds).sum();
        let longest = recordings.iter().map(predicted_seconds).fold(0.0, f64::max);
        let bound = lower_bound_seconds(total, longest, workers(m));
        let shards = plan(recordings.clone(), workers(m));
        let took = makespan(&shards, predicted_seconds);
        let ratio = took / bound.max(1e-9);
        worst = worst.max(ratio);
        // The factor is against the best schedule, which two recordings on a worker can hold above the lower
        // bound: of the m + 1 longest, two share one.
        let mut sorted: Vec<f64> = recordings.iter().map(predicted_seconds).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let two = match (sorted.get(m as usize - 1), sorted.get(m as usize)) {
            (Some(a), Some(b)) => a + b,
            _ => 0.0,
        };
        let best_at_least = bound.max(two);
        let factor = 4.0 / 3.0 - 1.0 / (3.0 * f64::from(m));
        assert!(
            took <= best_at_least * factor + 1e-6,
            "round {round}: {took} > {factor} × {best_at_least}, m {m}"
        );
    }
    println!("worst against the lower bound: {worst:.3}");
}

#[test]
fn noise_in_the_predictions_costs_little() {
    let mut random = StdRng::seed_from_u64(4);
    let recordings = backlog(&mut random, 5000);
    let noise: BTreeMap<String, f64> =
        recordings.iter().map(|recording| (recording.name.clone(), random.random_range(0.7..1.3))).collect();
    let actual = |recording: &Recording| recording.seconds * noise[&recording.name];
    let total: f64 = recordings.iter().map(actual).sum();
    let longest = recordings.iter().map(actual).fold(0.0, f64::max);
    let took = makespan(&plan(recordings.clone(), workers(16)), actual);
    let ratio = took / lower_bound_seconds(total, longest, workers(16));
    assert!(ratio < 1.02, "{ratio}");
}

#[test]
fn a_million_recordings_lose_nothing() {
    let mut random = StdRng::seed_from_u64(6);
    let recordings = backlog(&mut random, 1_000_000);
    let started = std::time::Instant::now();
    let planned = plan(recordings, workers(64));
    println!("planned in {:?}", started.elapsed());
    assert_eq!(planned.iter().map(|shard| shard.recordings.len()).sum::<usize>(), 1_000_000);
    let (least, most) = planned
        .iter()
        .fold((f64::MAX, 0.0f64), |(least, most), shard| (least.min(shard.seconds), most.max(shard.seconds)));
    assert!(most / least < 1.001, "{least} to {most}");
}
