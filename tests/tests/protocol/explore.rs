//! What the model checker is asked.

use anyhow::{Result, ensure};
use stateright::{Checker as _, Model as _};

use super::guards::Guard;
use super::model::Protocol;
use super::properties::names;
use super::world::Budget;

fn explore(protocol: Protocol) -> impl stateright::Checker<Protocol> {
    protocol.checker().threads(2).spawn_dfs().join()
}

/// Explores all of it: so many different states, as docs/protocol.md has it.
fn holds(protocol: Protocol, states: usize) -> Result<()> {
    let checked = explore(protocol);
    checked.assert_properties();
    ensure!(checked.is_done(), "not all of it was explored");
    ensure!(checked.unique_state_count() == states, "{} states", checked.unique_state_count());
    Ok(())
}

#[test]
fn workers_die_are_slow_and_fail_and_the_user_cancels_and_requeues() -> Result<()> {
    let faults = Budget {
        crashes: 2,
        slow: 1,
        lost_answers: 1,
        fails: 1,
        releases: 1,
        requeues: 1,
        cancels: 1,
        ..Budget::default()
    };
    holds(Protocol { items: 1, workers: 2, faults, without: None }, 6_162_543)
}

#[test]
fn redis_comes_back_with_an_older_state() -> Result<()> {
    let faults = Budget {
        rollbacks: 1,
        crashes: 1,
        slow: 1,
        lost_answers: 1,
        releases: 1,
        requeues: 1,
        ..Budget::default()
    };
    holds(Protocol { items: 1, workers: 2, faults, without: None }, 1_109_137)
}

#[test]
fn redis_comes_back_older_and_empty_and_the_user_cancels() -> Result<()> {
    let faults = Budget {
        rollbacks: 1,
        flushes: 1,
        crashes: 1,
        slow: 1,
        requeues: 1,
        cancels: 1,
        ..Budget::default()
    };
    holds(Protocol { items: 1, workers: 2, faults, without: None }, 397_656)
}

#[test]
fn two_recordings_side_by_side() -> Result<()> {
    let faults = Budget { crashes: 1, slow: 1, lost_answers: 1, fails: 1, ..Budget::default() };
    holds(Protocol { items: 2, workers: 2, faults, without: None }, 490_397)?;
    let faults = Budget { crashes: 1, slow: 1, rollbacks: 1, ..Budget::default() };
    holds(Protocol { items: 2, workers: 2, faults, without: None }, 476_467)
}

#[test]
fn attempts_fail_and_are_given_back_up_to_their_limits() -> Result<()> {
    let faults = Budget { fails: 3, releases: 3, slow: 1, lost_answers: 1, requeues: 1, ..Budget::default() };
    holds(Protocol { items: 1, workers: 2, faults, without: None }, 758_791)
}

#[test]
fn three_workers() -> Result<()> {
    let faults = Budget { crashes: 2, slow: 1, lost_answers: 1, ..Budget::default() };
    holds(Protocol { items: 1, workers: 3, faults, without: None }, 42_877)?;
    let faults = Budget { crashes: 1, slow: 1, ..Budget::default() };
    holds(Protocol { items: 2, workers: 3, faults, without: None }, 36_271)
}

#[test]
fn two_processes_of_one_place_live_at_once() -> Result<()> {
    let faults = Budget { twins: 1, crashes: 1, slow: 1, lost_answers: 1, releases: 1, ..Budget::default() };
    holds(Protocol { items: 1, workers: 2, faults, without: None }, 205_961)
}

#[test]
fn what_workers_have_said_arrives_once_more() -> Result<()> {
    let faults = Budget {
        repeats: 1,
        crashes: 1,
        slow: 1,
        lost_answers: 1,
        fails: 1,
        releases: 1,
        requeues: 1,
        ..Budget::default()
    };
    holds(Protocol { items: 1, workers: 2, faults, without: None }, 2_210_369)?;
    let faults = Budget { repeats: 1, rollbacks: 1, slow: 1, fails: 1, ..Budget::default() };
    holds(Protocol { items: 1, workers: 2, faults, without: None }, 66_315)
}

/// Each guard with the property that falls without it, and the faults that it takes.
#[test]
fn each_guard_is_needed() -> Result<()> {
    for (guard, property, faults) in [
        (Guard::PutIfAbsent, names::TEXT_STANDS, Budget { slow: 1, ..Budget::default() }),
        (Guard::PublishFirst, names::DONE_IS_PUBLISHED, Budget::default()),
        (Guard::EpochByClock, names::ONE_HOLDER, Budget { rollbacks: 1, crashes: 1, ..Budget::default() }),
        (Guard::SameClaimAgain, names::KNOWN_LEASES, Budget { lost_answers: 1, ..Budget::default() }),
        (Guard::TakeBack, names::ENDS, Budget { crashes: 1, ..Budget::default() }),
        (Guard::LossLimit, names::LIMITS, Budget { crashes: 3, ..Budget::default() }),
        (Guard::FailLimit, names::LIMITS, Budget { fails: 3, ..Budget::default() }),
        (Guard::ReleaseLimit, names::LIMITS, Budget { releases: 3, ..Budget::default() }),
        (Guard::CompleteFenced, names::OWN_LEASES, Budget { slow: 1, ..Budget::default() }),
        (Guard::FailFenced, names::OWN_LEASES, Budget { slow: 1, fails: 1, ..Budget::default() }),
        (Guard::ReleaseFenced, names::OWN_LEASES, Budget { slow: 1, releases: 1, ..Budget::default() }),
        (Guard::EndedOnce, names::ONCE, Budget { fails: 1, repeats: 1, ..Budget::default() }),
        (Guard::EndedOnce, names::ONCE, Budget { releases: 1, repeats: 1, ..Budget::default() }),
        (Guard::OwnIdentity, names::ONE_HOLDER, Budget { twins: 1, ..Budget::default() }),
        (Guard::LossLimit, names::PROGRESS, Budget { crashes: 3, ..Budget::default() }),
        (Guard::DoneStays, names::DONE_STAYS, Budget { lost_answers: 1, fails: 1, ..Budget::default() }),
        (Guard::RequeueDeadOnly, names::DONE_STAYS, Budget { requeues: 1, ..Budget::default() }),
        (Guard::Reconcile, names::ENDS, Budget { flushes: 1, ..Budget::default() }),
        (Guard::Adopt, names::ONE_END, Budget { crashes: 2, ..Budget::default() }),
        (Guard::CancelHolds, names::CANCELLED, Budget { cancels: 1, ..Budget::default() }),
    ] {
        let protocol = Protocol { items: 1, workers: 2, faults, without: Some(guard) };
        let found = explore(protocol).discovery(property);
        ensure!(found.is_some(), "without {guard:?}, still: {property}");
        // And with it, the same faults break nothing.
        let kept = explore(Protocol { without: None, ..protocol });
        ensure!(kept.discovery(property).is_none(), "with {guard:?}, not: {property}");
    }
    Ok(())
}
