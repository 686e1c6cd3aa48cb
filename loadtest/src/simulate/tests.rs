use std::num::NonZeroU32;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use steno_coordinator::plan::lower_bound_seconds;

use super::*;
use crate::lengths::Lengths;

fn jobs(seconds: &[f64]) -> Vec<Job> {
    seconds.iter().map(|&seconds| Job { seconds, predicted: seconds }).collect()
}

fn farm(nodes: u32, speed: f64) -> Farm {
    Farm::even(NonZeroU32::new(nodes).unwrap(), speed)
}

fn drawn(lengths: &str, count: usize, seed: u64) -> Vec<Job> {
    let sampler = lengths.parse::<Lengths>().unwrap().sampler().unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    jobs(&(0..count).map(|_| sampler.draw(&mut random)).collect::<Vec<_>>())
}

fn makespan(policy: Policy, jobs: &[Job], farm: &Farm) -> f64 {
    simulate(policy, jobs, farm, false).makespan
}

#[test]
fn small_batches_take_what_they_take_by_hand() {
    // On two nodes: 1+3+5 | 2+4; the longest first is 5+2+1 | 4+3.
    let five = jobs(&[1.0, 2.0, 3.0, 4.0, 5.0]);
    let two = farm(2, 1.0);
    assert_eq!(makespan(Policy::StaticShards, &five, &two), 9.0);
    assert_eq!(makespan(Policy::PullInOrder, &five, &two), 9.0);
    assert_eq!(makespan(Policy::PullLongest, &five, &two), 8.0);
    assert_eq!(makespan(Policy::Steno, &five, &two), 8.0);
    assert_eq!(two.lower_bound(&five), 7.5);
    // A pod a recording pays its start each time: (10+1)+(10+3)+(10+5) | (10+2)+(10+4).
    let cold = Farm { cold_start: 10.0, ..two };
    assert_eq!(makespan(Policy::Tutorial, &five, &cold), 39.0);
    assert_eq!(makespan(Policy::Steno, &five, &cold), 18.0);
    let steno = simulate(Policy::Steno, &five, &cold, false);
    assert_eq!((steno.busy, steno.done, steno.idle_share(2)), (15.0, 5, 1.0 - 15.0 / 36.0));
    // The node that had 4+3 leaves at 17: what the other one holds has one who waits for it, itself not counted.
    assert_eq!(steno.nodes, 36.0);
}

#[test]
fn what_is_claimed_ahead_goes_to_whoever_waits() {
    // A slow node has claimed a second recording when the fast one has nothing left.
    let three = jobs(&[10.0, 9.0, 8.0, 7.0]);
    // So little slower that nobody minds.
    let uneven = Farm { speeds: vec![1.0, 0.9], ..farm(2, 1.0) };
    let steno = simulate(Policy::StenoWhole, &three, &uneven, true);
    let slow: Vec<&Span> = steno.spans.iter().filter(|span| span.node == 1).collect();
    assert_eq!(slow.len(), 2, "{slow:?}");
    assert!((steno.makespan - 17.0 / 0.9).abs() < 1e-9, "{steno:?}");
}

#[test]
fn a_slow_node_gives_back_what_it_has_begun_and_takes_no_more_than_it_is_done_with_in_time() {
    let mut lengths = vec![1_000.0; 8];
    lengths.extend([30.0; 100]);
    let uneven = Farm { speeds: vec![10.0, 10.0, 10.0, 1.0], ..farm(4, 1.0) };
    let steno = simulate(Policy::StenoWhole, &jobs(&lengths), &uneven, true);
    let slow: Vec<&Span> = steno.spans.iter().filter(|span| span.node == 3).collect();
    assert_eq!((slow[0].doing, slow[0].until), (Doing::Dying, 2.0), "{slow:?}");
    assert!(slow[1..].iter().all(|span| span.doing == Doing::Working && span.until - span.from <= 30.0));
    let bound = uneven.lower_bound(&jobs(&lengths));
    assert!(steno.makespan < 1.06 * bound, "{} of {bound}", steno.makespan);
}

#[test]
fn a_dead_node_costs_what_it_held_and_a_lease() {
    let long = jobs(&[100.0; 40]);
    let faults = Faults { mean_life: 900.0, back_after: 30.0, lease: 60.0, seed: 3 };
    let dying = Farm { faults: Some(faults), ..farm(4, 1.0) };
    for policy in Policy::ALL {
        let outcome = simulate(policy, &long, &dying, true);
        assert_eq!(outcome.done + outcome.given_up, 40, "{policy}");
        let deaths = outcome.spans.iter().filter(|span| span.doing == Doing::Dying).count();
        assert!(deaths > 0 && outcome.begun_again > 0.0, "{policy}: nobody died");
        assert!(outcome.makespan > dying.lower_bound(&long), "{policy}");
        assert_eq!(outcome, simulate(policy, &long, &dying, true), "{policy}: not the same again");
    }
}

#[test]
fn node_hours_are_those_in_which_a_node_was_there() {
    // One node that dies, by its seed, in the midst of its second recording.
    let (two, faults) =
        (jobs(&[100.0, 100.0]), Faults { mean_life: 400.0, back_after: 50.0, lease: 60.0, seed: 0 });
    let found = (0..100)
        .map(|seed| Farm { faults: Some(Faults { seed, ..faults }), ..farm(1, 1.0) })
        .find_map(|farm| {
            let outcome = simulate(Policy::PullLongest, &two, &farm, true);
            let deaths: Vec<f64> = outcome
                .spans
                .iter()
                .filter(|span| span.doing == Doing::Dying)
                .map(|span| span.until)
                .collect();
            (deaths.len() == 1 && deaths[0] > 100.0).then(|| (outcome, deaths[0]))
        });
    let (outcome, died) = found.unwrap();
    // 60 s after the death its lease is over, and the pod has been back for ten.
    assert!((outcome.makespan - (died + 160.0)).abs() < 1e-6, "{outcome:?}");
    assert!((outcome.nodes - (outcome.makespan - 50.0)).abs() < 1e-6, "{outcome:?}");
    assert!((outcome.begun_again - (died - 100.0)).abs() < 1e-6, "{outcome:?}");
}

#[test]
fn steno_is_within_two_percent_of_the_bound_whatever_the_lengths() {
    for lengths in
        ["pareto:30,1.2", "pareto:30,1.5", "lognormal:240,1.0", "bimodal:60,3600,0.1", "uniform:10,1000"]
    {
        for nodes in [4, 8, 16, 32, 64] {
            for seed in 0..20 {
                let jobs = drawn(lengths, 4_000, seed);
                let farm = farm(nodes, 50.0);
                let ratio = makespan(Policy::StenoWhole, &jobs, &farm) / farm.lower_bound(&jobs);
                // The bound itself, but for the last digits of a sum.
                assert!((0.999..=1.02).contains(&ratio), "{lengths} on {nodes} nodes, seed {seed}: {ratio}");
            }
        }
    }
}

#[test]
fn in_parts_it_is_within_three_percent_of_the_load_and_within_five_with_a_slow_node() {
    let mut worst = (0.0_f64, 0.0_f64);
    for lengths in ["pareto:30,1.2", "pareto:30,1.5", "lognormal:240,1.0", "bimodal:60,3600,0.1"] {
        for nodes in [4, 8, 16, 32, 64] {
            for seed in 0..10 {
                let jobs = drawn(lengths, 4_000, seed);
                let even = farm(nodes, 50.0);
                let ratio = makespan(Policy::Steno, &jobs, &even) / even.load_bound(&jobs);
                assert!((0.999..=1.03).contains(&ratio), "{lengths} on {nodes} nodes, seed {seed}: {ratio}");
                let mut uneven = even.clone();
                uneven.speeds[0] /= 3.0;
                let slow = makespan(Policy::Steno, &jobs, &uneven) / uneven.load_bound(&jobs);
                assert!(slow <= 1.05, "{lengths} on {nodes} nodes, one slow, seed {seed}: {slow}");
                worst = (worst.0.max(ratio), worst.1.max(slow));
            }
        }
    }
    println!("at most {:.4}, and {:.4} with a slow node", worst.0, worst.1);
}

#[test]
fn static_indexing_is_not() {
    let jobs = drawn("pareto:30,1.2", 4_000, 0);
    let farm = Farm { cold_start: 60.0, ..farm(16, 50.0) };
    let bound = farm.lower_bound(&jobs);
    let ratio = |policy| makespan(policy, &jobs, &farm) / bound;
    assert!(
        ratio(Policy::Tutorial) > 2.0 && ratio(Policy::StaticShards) > 1.1 && ratio(Policy::Steno) < 1.02
    );
}

proptest! {
    #[test]
    fn every_recording_is_worked_on_once_and_no_node_does_two_things_at_once(
        seconds in prop::collection::vec(0.1..5_000.0_f64, 1..60),
        speeds in prop::collection::vec(0.2..3.0_f64, 1..9),
        wrong in 0.0..1.0_f64,
        seed in 0..1_000_u64,
        has_faults in any::<bool>(),
    ) {
        let mut random = StdRng::seed_from_u64(seed);
        let jobs: Vec<Job> = seconds
            .iter()
            .map(|&seconds| Job { seconds, predicted: seconds * (1.0 + wrong * random.random_range(-0.9..0.9)) })
            .collect();
        let faults = Faults { mean_life: 20_000.0, back_after: 10.0, lease: 60.0, seed };
        let farm = Farm { speeds, cold_start: 5.0, per_recording: 0.5, faults: has_faults.then_some(faults) };
        for policy in Policy::ALL {
            let outcome = simulate(policy, &jobs, &farm, true);
            // With recordings in parts, each part.
            prop_assert!(outcome.done + outcome.given_up >= jobs.len());
            prop_assert!(policy == Policy::Steno || outcome.done + outcome.given_up == jobs.len());
            prop_assert!(has_faults || outcome.given_up == 0);
            let worked = outcome.spans.iter().filter(|span| span.doing == Doing::Working).count();
            prop_assert_eq!(worked, outcome.done);
            for node in 0..farm.speeds.len() {
                let mut spans: Vec<&Span> = outcome.spans.iter().filter(|span| span.node == node).collect();
                // A start that its node's death cut short has no end of its own.
                spans.retain(|span| span.doing != Doing::Starting);
                spans.sort_by(|a, b| a.from.total_cmp(&b.from));
                prop_assert!(spans.windows(2).all(|pair| pair[1].from >= pair[0].until - 1e-6), "{:?}", spans);
            }
            if !has_faults {
                let bound =
                    if policy == Policy::Steno { farm.load_bound(&jobs) } else { farm.lower_bound(&jobs) };
                prop_assert!(outcome.makespan >= bound * (1.0 - 1e-9), "{} ends before {}", policy, bound);
            }
            // Whoever worked was there.
            prop_assert!(outcome.nodes + 1e-6 >= outcome.busy + outcome.begun_again);
        }
    }

    #[test]
    fn the_bound_of_equal_nodes_is_the_planners(
        seconds in prop::collection::vec(0.1..5_000.0_f64, 1..40),
        nodes in 1..20_u32,
    ) {
        let (jobs, farm) = (jobs(&seconds), farm(nodes, 2.0));
        let longest = seconds.iter().copied().fold(0.0, f64::max) / 2.0;
        let total = seconds.iter().sum::<f64>() / 2.0;
        let planners = lower_bound_seconds(total, longest, NonZeroU32::new(nodes).unwrap());
        prop_assert!((farm.lower_bound(&jobs) - planners).abs() < 1e-6);
    }
}
