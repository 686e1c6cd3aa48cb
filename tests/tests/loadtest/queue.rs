//! The leases alone under load, beside other queues.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::ensure;
use steno_tests::steno::Steno;
use steno_tests::world::World;

/// A peer as `loadtest/peers/README.md` says.
fn write_peer(world: &World, name: &str, script: &str) -> anyhow::Result<()> {
    let run = world.path().join("peers").join(name).join("run");
    std::fs::create_dir_all(run.parent().unwrap_or(world.path()))?;
    std::fs::write(&run, format!("#!/bin/sh\n{script}\n"))?;
    Ok(std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o755))?)
}

#[test]
fn every_item_is_done_once_and_peers_are_measured_beside_it() -> anyhow::Result<()> {
    let world = World::new()?;
    write_peer(&world, "broken", "echo 'no such library' >&2; exit 9")?;
    write_peer(
        &world,
        "swift",
        "echo noise; echo \"{\\\"done\\\": 600, \\\"seconds\\\": $(( $# == 3 ? 2 : 4 ))}\"",
    )?;
    let loadtest = Steno::loadtest(world.path())?.args(["queue", "--items", "600,900", "--workers", "20"]);
    let ended = loadtest.args(["--json", "--peers", "peers"]).run()?.expect(0)?;
    let figures = ended.json_lines()?;
    let queues: Vec<(&str, u64)> =
        figures.iter().filter_map(|of| Some((of["queue"].as_str()?, of["done"].as_u64()?))).collect();
    ensure!(queues == [("steno", 600), ("swift", 600), ("steno", 900), ("swift", 600)], "{}", ended.stdout);
    for steno in figures.iter().filter(|of| of["queue"] == "steno") {
        let number = |name: &str| steno[name].as_f64().unwrap_or_default();
        ensure!(
            number("claim_p50_ms") > 0.0 && number("claim_p99_ms") >= number("claim_p50_ms"),
            "{steno:#}"
        );
        ensure!((100.0..1_000.0).contains(&number("bytes_per_item")), "{steno:#}");
    }
    // Their own clocks count: they tell 2 s to put items in, and 4 s to take them out.
    ensure!(
        figures[1]["enqueued_per_second"] == 300.0 && figures[1]["done_per_second"] == 150.0,
        "{}",
        ended.stdout
    );
    ended.says(&["no such library", "broken was not measured: ", "exit status: 9"])?;
    Ok(())
}

#[test]
fn several_runs_are_told_by_their_median_the_least_and_the_greatest() -> anyhow::Result<()> {
    let world = World::new()?;
    write_peer(&world, "left-out", "exit 9")?;
    // Ten a second, and each time it is asked ten more.
    write_peer(
        &world,
        "swift",
        "[ $# = 4 ] && echo . >> asked; echo \"{\\\"done\\\": $(( 10 * $(wc -l < asked || echo 0) )), \\\"seconds\\\": 1}\"",
    )?;
    let loadtest =
        Steno::loadtest(world.path())?.args(["queue", "--items", "50", "--workers", "2", "--runs", "3"]);
    let ended = loadtest.args(["--peers", "peers", "--only", "swift"]).run()?.expect(0)?;
    let rows: Vec<&str> = ended.stdout.lines().collect();
    ensure!(
        rows.len() == 3 && rows[1].starts_with("steno") && rows[2].contains("20 (10–30)"),
        "{}",
        ended.stdout
    );
    Ok(())
}

/// What a worker of the bench's own says, and a queue beside it that gives nothing back.
#[test]
fn a_killed_worker_s_item_is_taken_by_another_when_its_lease_is_over() -> anyhow::Result<()> {
    let world = World::new()?;
    let first_only = "mkdir held-${1##*:} 2> /dev/null && echo held; exec sleep 600";
    let enqueued = "echo '{\"done\": 1, \"seconds\": 1}'; exit 0";
    write_peer(&world, "forgetful", &format!("[ $2 = hold ] || {{ {enqueued}; }}; {first_only}"))?;
    let loadtest =
        Steno::loadtest(world.path())?.args(["recovery", "--lease", "2", "--runs", "1", "--wait", "6"]);
    let ended = loadtest.args(["--json", "--peers", "peers", "--settle", "1"]).run()?.expect(0)?;
    let recoveries = ended.json_lines()?;
    let after = |queue: &str| {
        let of = recoveries.iter().find(|of| of["queue"] == queue && of["settings"] == "tuned");
        of.map(|of| of["recovered_after_seconds"].as_f64())
    };
    // Renewed three times in its length, and looked for twice a second at least.
    let steno = after("steno").flatten();
    ensure!(steno.is_some_and(|seconds| (1.0..4.5).contains(&seconds)), "{}", ended.stdout);
    ensure!(after("forgetful") == Some(None), "{}", ended.stdout);
    Ok(())
}

#[test]
fn peers_that_are_not_there_are_refused() -> anyhow::Result<()> {
    let world = World::new()?;
    std::fs::create_dir(world.path().join("empty"))?;
    for (peers, words) in
        [("none", "failed to read the folder of peers none"), ("empty", "empty has no peers")]
    {
        let loadtest = Steno::loadtest(world.path())?.args(["queue", "--items", "10", "--peers", peers]);
        loadtest.run()?.expect(2)?.says(&[words])?;
    }
    Ok(())
}
