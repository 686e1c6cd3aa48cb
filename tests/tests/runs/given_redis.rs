//! A Redis of the user's own, with `--redis`; and a Redis that loses what it was given.

use anyhow::ensure;
use nix::sys::signal::Signal;
use redis::cmd;
use steno_shared::ids::ShardId;
use steno_shared::leases::{ItemState, Leases};
use steno_tests::redis_server::{RedisOptions, RedisServer};
use steno_tests::steno::Steno;
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, condition, invariants, processes, transcripts};

const PASSWORD: &str = "planted-redis-password";

fn world(recordings: u32) -> anyhow::Result<World> {
    let world = World::new()?;
    for (seconds, name) in (60..).zip(names(recordings)) {
        std::fs::write(world.input().join(&name), audio::flac_header(seconds, name.as_bytes()))?;
    }
    Ok(world)
}

fn names(recordings: u32) -> Vec<String> {
    (0..recordings).map(|index| format!("{index:04}.flac")).collect()
}

/// All of them are transcribed, and nothing else is left.
fn check(world: &World, names: &[String]) -> anyhow::Result<()> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    invariants::check(world, &names, &[]).map(drop)
}

fn run(world: &World, redis: &RedisServer, speed: &str) -> anyhow::Result<Steno> {
    Ok(world.rehearse("2", speed)?.args(["--redis", &redis.url()]))
}

fn on_state(world: &World, command: &str) -> anyhow::Result<Steno> {
    Ok(world
        .steno()?
        .args([command, "--state"])
        .arg(world.state())
        .envs([("STENO_REDIS_PASSWORD", PASSWORD)]))
}

#[test]
fn a_redis_with_a_password_is_used_by_all_commands_and_the_password_is_nowhere() -> anyhow::Result<()> {
    let args = ["--requirepass", PASSWORD, "--appendonly", "yes"].map(str::to_owned).to_vec();
    let redis = RedisServer::start(RedisOptions { args, ..RedisOptions::default() })?;
    let world = world(6)?;
    let bad = [audio::flac_header(60, b"bad"), b"\nsteno-simulated: poison\n".to_vec()].concat();
    std::fs::write(world.input().join("bad.flac"), bad)?;

    let refused = run(&world, &redis, "1000")?.run()?.expect(3)?;
    refused.says(&["Redis refuses it", "check the user and password"])?;
    let with_password = format!("redis://:{PASSWORD}@localhost:1");
    let told = world.steno()?.args(["run", "in", "--out", "out", "--engine", "simulated", "--redis"]);
    told.arg(&with_password).run()?.expect(2)?.says(&["put it into the variable STENO_REDIS_PASSWORD"])?;

    let ran = run(&world, &redis, "1000")?.envs([("STENO_REDIS_PASSWORD", PASSWORD)]).run()?.expect(1)?;
    expect_counts(&ran.json()?, &[("done", 6), ("failed", 1), ("left", 0)])?;
    let status = on_state(&world, "status")?.arg("--json").run()?.expect(0)?.json()?;
    expect_counts(&status, &[("done", 6), ("dead", 1)])?;
    on_state(&world, "requeue")?.arg("--all").run()?.expect(0)?;
    for (name, (bytes, _)) in transcripts::files(world.path())? {
        let is_there = bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
        ensure!(!is_there, "{name} holds the password");
    }

    // A batch stays in the Redis that it began in.
    let moved = world.rehearse("2", "1000")?.run()?.expect(4)?;
    moved.says(&["say --redis redis+unix://", "steno delete --state"])?;
    // What is not Steno's own stays.
    let own = world.state().join("notes.txt");
    std::fs::write(&own, "mine")?;
    on_state(&world, "delete")?.run()?.expect(0)?;
    ensure!(transcripts::files(&world.state())?.len() == 1 && own.exists(), "delete left or took too much");
    ensure!(transcripts::count(&world.output())? == 6, "transcripts were deleted");
    let mut connection = redis.connection()?;
    cmd("AUTH").arg(PASSWORD).exec(&mut connection)?;
    let keys: Vec<String> = cmd("KEYS").arg("*").query(&mut connection)?;
    ensure!(keys.is_empty(), "Redis still has {keys:?}");
    invariants::nothing_runs(&world)
}

#[test]
fn what_redis_loses_in_the_middle_is_taken_in_again() -> anyhow::Result<()> {
    let redis = RedisServer::start(RedisOptions { aof: true, ..RedisOptions::default() })?;
    let world = world(40)?;
    let names = names(40);
    let mut running = run(&world, &redis, "100")?.start()?;
    let output = world.output();
    running.until("5 are done", |_| Ok(transcripts::count(&output)? >= 5))?;
    forget_those_that_wait(&world, &redis)?;
    running.until("what was lost is noticed", |running| {
        Ok(running.said().contains("taking the backlog in again"))
    })?;
    running.until("20 are done", |_| Ok(transcripts::count(&output)? >= 20))?;
    cmd("FLUSHALL").exec(&mut redis.connection()?)?;
    let summary = running.ended()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 40), ("done", 40), ("skipped", 0), ("failed", 0), ("left", 0)])?;
    check(&world, &names)
}

/// As a Redis does that comes back from a file older than these.
fn forget_those_that_wait(world: &World, redis: &RedisServer) -> anyhow::Result<()> {
    let batch = world.batch()?.batch;
    tokio::runtime::Runtime::new()?.block_on(async {
        let leases = Leases::connect(&redis.config(), &batch).await?;
        let mut forgotten = 0;
        for shard in [ShardId(0), ShardId(1)] {
            let page = leases.items(shard, Some(ItemState::Ready), None).await?;
            let ids: Vec<_> = page.rows.into_iter().map(|row| row.id).collect();
            forgotten += leases.forget(shard, &ids).await?;
        }
        ensure!(forgotten > 5, "only {forgotten} were waiting");
        Ok(())
    })
}

#[test]
fn reconcile_disturbs_no_batch_that_is_well() -> anyhow::Result<()> {
    let redis = RedisServer::start(RedisOptions { aof: true, ..RedisOptions::default() })?;
    let world = world(60)?;
    let mut running = run(&world, &redis, "200")?.start()?;
    let output = world.output();
    running.until("3 are done", |_| Ok(transcripts::count(&output)? >= 3))?;
    let mut looks = 0;
    while running.is_running()? && transcripts::count(&output)? < 55 {
        let told = world.steno()?.args(["reconcile", "--state"]).arg(world.state()).run()?.expect(0)?;
        ensure!(!told.stderr.contains("built anew"), "{}", told.stderr);
        ensure!(told.stdout.starts_with("60 recordings: 60 known to Redis"), "{}", told.stdout);
        looks += 1;
    }
    ensure!(looks > 3, "the batch was over after {looks} looks");
    let ended = running.ended()?.expect(0)?;
    ensure!(!ended.stderr.contains("Redis has lost"), "{}", ended.stderr);
    expect_counts(&ended.json()?, &[("done", 60), ("skipped", 0), ("left", 0)])?;
    Ok(())
}

#[test]
fn a_stopped_run_gives_back_what_its_workers_had() -> anyhow::Result<()> {
    let redis = RedisServer::start(RedisOptions { aof: true, ..RedisOptions::default() })?;
    let world = world(12)?;
    let mut running = run(&world, &redis, "20")?.start()?;
    let output = world.output();
    running.until("1 is done", |_| Ok(transcripts::count(&output)? >= 1))?;
    // A worker that does not hear what it is told, as in a long native call.
    let workers = running.children("steno-worker")?;
    processes::send(workers[0].pid, Signal::SIGSTOP)?;
    running.signal(Signal::SIGTERM)?;
    running.ended()?.expect(5)?;
    expect_counts(&world.status()?, &[("leased", 0), ("delayed", 0), ("dead", 0)])?;
    run(&world, &redis, "1000")?.run()?.expect(0)?;
    let lost = world.items(&[])?.iter().filter(|item| item["lost"] != 0).count();
    ensure!(lost == 0, "being stopped cost {lost} recordings a life");
    Ok(())
}

/// The coordinator stands still, as if it were on a machine that sleeps: nobody but the command puts anything back.
#[test]
fn reconcile_gives_living_workers_back_what_redis_has_lost() -> anyhow::Result<()> {
    let redis = RedisServer::start(RedisOptions { aof: true, ..RedisOptions::default() })?;
    let world = world(40)?;
    let names = names(40);
    // Others lie beside them that this batch does not have.
    std::fs::write(world.input().join("other.flac"), audio::flac_header(60, b"other"))?;
    let manifest = world.path().join("manifest.txt");
    std::fs::write(&manifest, names.join("\n"))?;
    let mut running = run(&world, &redis, "100")?.arg("--manifest").arg(&manifest).start()?;
    let output = world.output();
    running.until("5 are done", |_| Ok(transcripts::count(&output)? >= 5))?;
    running.signal(Signal::SIGSTOP)?;
    cmd("FLUSHALL").exec(&mut redis.connection()?)?;
    let refused = world.steno()?.args(["status", "--state"]).arg(world.state()).run()?.expect(3)?;
    refused.says(&["does not know the batch", "steno reconcile"])?;
    let told = world.steno()?.args(["reconcile", "--state"]).arg(world.state()).run()?.expect(0)?;
    ensure!(told.stdout.starts_with("40 recordings: 0 known to Redis, "), "{}", told.stdout);
    ensure!(running.children("steno-worker")?.len() == 2, "a worker has ended");
    condition::until_so("all are done", || Ok(transcripts::count(&output)? == 40))?;
    // By then they may have ended, since nothing is left.
    ensure!(world.logged(" worker.ready ") == 2, "other workers did it");
    let again = world.steno()?.args(["reconcile", "--state"]).arg(world.state()).run()?.expect(0)?;
    ensure!(again.stdout.ends_with(" 0 put back\n"), "{}", again.stdout);
    running.signal(Signal::SIGCONT)?;
    running.ended()?.expect(0)?;
    check(&world, &names)
}

#[test]
fn of_two_runs_on_one_batch_the_second_waits_for_the_first() -> anyhow::Result<()> {
    let redis = RedisServer::start(RedisOptions { aof: true, ..RedisOptions::default() })?;
    let world = world(30)?;
    let names = names(30);
    let second = |speed: &str| -> anyhow::Result<Steno> {
        let steno = world.steno()?.arg("run").arg(world.input()).arg("--out").arg(world.output());
        let steno =
            steno.args(["--engine", "simulated", "--simulated-speed", speed, "--workers", "2", "--json"]);
        Ok(steno.args(["--redis", &redis.url(), "--state", "second"]))
    };
    let mut running = run(&world, &redis, "100")?.start()?;
    let output = world.output();
    running.until("1 is done", |_| Ok(transcripts::count(&output)? >= 1))?;
    let refused = second("100")?.run()?.expect(4)?;
    refused.says(&[
        "another steno run works on this batch",
        &format!("process {}", running.pid()?),
        "30 seconds",
    ])?;
    // One that was killed keeps its turn for the next one from its folder, and no other.
    running.signal(Signal::SIGKILL)?;
    running.ended()?;
    second("100")?.run()?.expect(4)?;
    let ended = run(&world, &redis, "1000")?.run()?.expect(0)?;
    expect_counts(&ended.json()?, &[("failed", 0), ("left", 0)])?;
    let after = second("1000")?.run()?.expect(0)?;
    expect_counts(&after.json()?, &[("recordings", 30), ("done", 0), ("failed", 0), ("left", 0)])?;
    std::fs::remove_dir_all(world.path().join("second"))?;
    check(&world, &names)
}
