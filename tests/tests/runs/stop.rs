//! Stopping a run: once to finish what is in hand, twice to stop at once. The same command goes on.

use anyhow::ensure;
use nix::sys::signal::Signal;
use serde_json::Value;
use steno_tests::http_faults::{HttpFault, HttpFaults};
use steno_tests::s3_server::S3Server;
use steno_tests::steno::Running;
use steno_tests::toxiproxy::{Toxic, Toxiproxy};
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, invariants, processes, transcripts};

const N: usize = 16;

/// The end of every scenario here: what is done stays as it is, and the same command does the rest.
fn goes_on(world: &World, stopped: Running) -> anyhow::Result<u64> {
    let ended = stopped.ended()?.expect(5)?;
    invariants::nothing_runs(world)?;
    let before = transcripts::with_extension(&world.output(), "json")?;
    let done = before.len() as u64;
    let summary = ended.json()?;
    ensure!(summary["outcome"] == "interrupted", "{summary}");
    expect_counts(&summary, &[("done", done), ("left", N as u64 - done), ("failed", 0)])?;
    ensure!(done < N as u64, "the run was not stopped in its middle");
    let items = world.items(&["--in", "leased"])?;
    ensure!(items.is_empty(), "these were not given back: {items:#?}");

    let summary = world.run()?.run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("done", N as u64 - done), ("skipped", done), ("failed", 0), ("left", 0)])?;
    let names: Vec<String> = (0..N).map(|index| format!("speech-{index:02}.flac")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = invariants::check(world, &names, &[])?;
    let late = found.values().filter(|transcript| transcript["provenance"]["attempt"] != 1).count();
    ensure!(late == 0, "being stopped cost {late} recordings an attempt");
    let after = transcripts::with_extension(&world.output(), "json")?;
    ensure!(
        before.iter().all(|(name, written)| after.get(name) == Some(written)),
        "finished ones were touched"
    );
    Ok(done)
}

#[test]
fn interrupted_once_it_finishes_what_is_in_hand() -> anyhow::Result<()> {
    let world = World::with_speech(N)?;
    let mut running = world.run_until_done(2)?;
    running.signal(Signal::SIGINT)?;
    running
        .until("the drain is announced", |run| Ok(run.said().contains("Finishing the recordings in hand")))?;
    goes_on(&world, running)?;
    Ok(())
}

#[test]
fn interrupted_twice_it_stops_at_once_and_loses_nothing() -> anyhow::Result<()> {
    let world = World::with_speech(N)?;
    let mut running = world.run_until_done(1)?;
    running.signal(Signal::SIGINT)?;
    running
        .until("the drain is announced", |run| Ok(run.said().contains("Finishing the recordings in hand")))?;
    running.signal(Signal::SIGINT)?;
    goes_on(&world, running)?;
    Ok(())
}

#[test]
fn terminated_it_stops_at_once_and_loses_nothing() -> anyhow::Result<()> {
    let world = World::with_speech(N)?;
    let mut running = world.run_until_done(1)?;
    running.signal(Signal::SIGTERM)?;
    goes_on(&world, running)?;
    Ok(())
}

/// A native call that lasts cannot be broken off: the process is killed, and what it held goes back all the same.
#[test]
fn a_worker_that_does_not_stop_is_killed_and_what_it_held_goes_back() -> anyhow::Result<()> {
    let world = World::with_speech(N)?;
    let mut running = world.run_until_done(1)?;
    // What is published and not told yet would be told by nobody.
    running.until("what is published is told", |_| {
        let status = world.status()?;
        Ok(status["done"].as_u64() == Some(transcripts::count(&world.output())? as u64)
            && status["leased"].as_u64() > Some(0))
    })?;
    for worker in running.children("steno-worker")? {
        processes::send(worker.pid, Signal::SIGSTOP)?;
    }
    running.signal(Signal::SIGTERM)?;
    goes_on(&world, running)?;
    Ok(())
}

/// What one worker cannot go on for, and none could mend, costs the others nothing: they finish what they hold, and then the run
/// ends with the reason.
#[tokio::test(flavor = "multi_thread")]
async fn by_what_a_worker_cannot_use_it_finishes_what_the_others_hold() -> anyhow::Result<()> {
    let (world, server) = (World::new()?, S3Server::start().await?);
    server.bucket("calls").await?;
    let client = server.client().await;
    for (name, seconds) in
        std::iter::once(("long".to_owned(), 150)).chain((0..20).map(|n| (n.to_string(), 9)))
    {
        let body = audio::flac_header(seconds, name.as_bytes()).into();
        client.put_object().bucket("calls").key(format!("in/{name}.flac")).body(body).send().await?;
    }
    let http = HttpFaults::start(server.endpoint.trim_start_matches("http://")).await?;
    let run = |workers: &str| {
        let run = world.rehearse_between("s3://calls/in", "s3://calls/out", workers, "10")?;
        let run = run.args(["--split", "never", "--s3-endpoint", &format!("http://{}", http.address)]);
        anyhow::Ok(run.envs(server.env()))
    };
    let mut running = run("2")?.start()?;
    running.until("the long one is being worked on, and a short one done", |_| {
        if world.logged(" recording.claimed ") < 3 {
            return Ok(false);
        }
        let status = world.status()?;
        let mut workers = status["workers"].as_array().into_iter().flatten();
        let at_the_long_one =
            |worker: &Value| worker["phase"] == "transcribing" && worker["recording"] == "long.flac";
        Ok(workers.any(at_the_long_one) && status["done"].as_u64() >= Some(1))
    })?;
    // For ten seconds from its begin only the other worker asks the store for anything.
    http.fail_next(HttpFault::ClockSkew, 1);
    let ended = running.ended()?.expect(3)?.says(&["clock", "Finishing the recordings in hand"])?;
    ensure!(!ended.stderr.contains("starting it again"), "{}", ended.stderr);
    invariants::nothing_runs(&world)?;
    let done = world.items(&["--in", "done"])?;
    ensure!(done.iter().any(|item| item["name"] == "long.flac"), "the long one was thrown away: {done:#?}");
    ensure!(done.len() < 21, "the run was not stopped in its middle");
    ensure!(world.items(&["--in", "leased"])?.is_empty());

    let summary = run("8")?.run()?.expect(0)?.json()?;
    let done = done.len() as u64;
    expect_counts(&summary, &[("done", 21 - done), ("skipped", done), ("failed", 0), ("left", 0)])?;
    for item in world.items(&[])? {
        ensure!(item["state"] == "done" && item["attempts"] == 1 && item["lost"] == 0, "{item:#}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_lengths_are_read_from_a_store_that_is_away_is_no_accident() -> anyhow::Result<()> {
    let (world, server) = (World::new()?, S3Server::start().await?);
    server.bucket("calls").await?;
    let client = server.client().await;
    for index in 0..200 {
        let body = audio::flac_header(60, format!("{index}").as_bytes()).into();
        client.put_object().bucket("calls").key(format!("in/{index:03}.flac")).body(body).send().await?;
    }
    let http = HttpFaults::start(server.endpoint.trim_start_matches("http://")).await?;
    let toxiproxy = Toxiproxy::start().await?;
    let port = toxiproxy.stand_before("store", &http.address).await?;
    toxiproxy.spoil("store", Toxic::Latency(100)).await?;
    let run =
        world.steno()?.args(["run", "s3://calls/in", "--out", "s3://calls/out", "--engine", "simulated"]);
    let run = run.args(["--s3-endpoint", &format!("http://127.0.0.1:{port}"), "--state"]).arg(world.state());
    let mut running = run.envs(server.env()).start()?;
    running.until("lengths are being read", |_| Ok(http.requests() > 40))?;
    // So that it is stopped while it waits to try again.
    toxiproxy.spoil("store", Toxic::Refused).await?;
    running.signal(Signal::SIGTERM)?;
    let ended = running.ended()?.expect(5)?.says(&["stopped before any recording was begun"])?;
    ensure!(
        !ended.stderr.contains("panicked") && !ended.stderr.contains("please report"),
        "{}",
        ended.stderr
    );
    invariants::nothing_runs(&world)
}
