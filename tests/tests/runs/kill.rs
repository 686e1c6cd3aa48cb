//! Kill -9 of each process in the middle of a run: all is finished in the end, and nothing finished is done again.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use steno_tests::invariants::{self, Transcripts};
use steno_tests::processes;
use steno_tests::transcripts::{self, Written};
use steno_tests::world::{World, expect_counts};

const N: usize = 16;

/// The end of a scenario: everything is there, and what was there `before` is as it was.
fn complete(world: &World, before: &BTreeMap<String, Written>) -> anyhow::Result<Transcripts> {
    let names: Vec<String> = (0..N).map(|index| format!("speech-{index:02}.flac")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    invariants::remove_temporaries(world)?;
    let found = invariants::check(world, &names, &[])?;
    let after = transcripts::with_extension(&world.output(), "json")?;
    ensure!((3..N).contains(&before.len()), "the kill was not in the middle: {} done", before.len());
    for (name, written) in before {
        ensure!(after.get(name) == Some(written), "{name} was finished before, and was written again");
        let recording = name.trim_end_matches(".json");
        ensure!(found[recording]["provenance"]["attempt"] == 1, "{name} took more than one attempt");
    }
    Ok(found)
}

#[test]
fn of_a_worker() -> anyhow::Result<()> {
    let world = World::with_speech(N)?;
    let running = world.run_until_done(3)?;
    let workers = running.children("steno-worker")?;
    ensure!(workers.len() == 2, "there are not two workers: {workers:?}");
    let before = transcripts::with_extension(&world.output(), "json")?;
    processes::send(workers[0].pid, Signal::SIGKILL)?;
    let ended = running.ended()?.expect(0)?.says(&["was killed by SIGKILL", "starting it again"])?;
    expect_counts(&ended.json()?, &[("done", N as u64), ("failed", 0), ("left", 0)])?;
    let found = complete(&world, &before)?;
    // What the killed worker had in hand was claimed again, as a second attempt; nothing else was.
    let again = found.values().filter(|transcript| transcript["provenance"]["attempt"] != 1).count();
    ensure!(again <= 4, "{again} recordings were begun again, but a worker holds two batches of two at most");
    Ok(())
}

#[test]
fn of_steno_itself() -> anyhow::Result<()> {
    let world = World::with_speech(N)?;
    let mut running = world.run_until_done(3)?;
    running.signal(Signal::SIGKILL)?;
    ensure!(running.ended()?.code.is_none(), "steno was not killed");
    invariants::nothing_runs(&world).context("after steno was killed")?;
    let before = transcripts::with_extension(&world.output(), "json")?;
    let status = world.status()?;
    ensure!(status["running"] == false, "{status}");
    let summary = world.run()?.run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", N as u64), ("failed", 0), ("left", 0)])?;
    let (done, skipped) = (summary["done"].as_u64(), summary["skipped"].as_u64());
    ensure!(done.zip(skipped).map(|(done, skipped)| done + skipped) == Some(N as u64), "{summary}");
    complete(&world, &before)?;
    Ok(())
}

#[test]
fn of_redis_server() -> anyhow::Result<()> {
    let world = World::with_speech(N)?;
    let running = world.run_until_done(3)?;
    let servers = running.children("redis-server")?;
    ensure!(servers.len() == 1, "there is not one redis-server: {servers:?}");
    let before = transcripts::with_extension(&world.output(), "json")?;
    processes::send(servers[0].pid, Signal::SIGKILL)?;
    let ended = running.ended()?.expect(0)?.says(&["Redis has ended; starting it again"])?;
    expect_counts(&ended.json()?, &[("recordings", N as u64), ("failed", 0), ("left", 0)])?;
    complete(&world, &before)?;
    Ok(())
}
