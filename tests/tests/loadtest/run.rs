//! Load tests of the real Steno.

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use steno_tests::invariants;
use steno_tests::steno::Steno;
use steno_tests::world::World;

fn backlog(world: &World, recordings: &str) -> anyhow::Result<()> {
    let loadtest = Steno::loadtest(world.path())?.arg("generate").arg(world.input());
    loadtest.args(["--recordings", recordings, "--lengths", "pareto:30,1.3"]).run()?.expect(0)?;
    Ok(())
}

fn run(world: &World, speed: &str) -> anyhow::Result<Steno> {
    let loadtest =
        Steno::loadtest(world.path())?.arg("run").arg(world.input()).arg("--out").arg(world.output());
    let loadtest = loadtest.args(["--workers", "4", "--speed", speed, "--json"]);
    // What it keeps of a failed run goes with the world.
    let temporary = world.path().join("tmp");
    std::fs::create_dir_all(&temporary)?;
    Ok(loadtest.envs([("TMPDIR", temporary.to_string_lossy().as_ref())]))
}

fn number(value: &Value) -> anyhow::Result<f64> {
    value.as_f64().with_context(|| format!("{value} is no number"))
}

#[test]
fn a_run_is_measured_from_its_first_claim_to_its_last_transcript() -> anyhow::Result<()> {
    let world = World::new()?;
    backlog(&world, "300")?;
    let report = world.path().join("report.html");
    let ended = run(&world, "2000")?
        .args(["--profile", "ramp"])
        .arg("--report")
        .arg(&report)
        .args(["--picture", "load.png"])
        .run()?
        .expect(0)?
        .json()?;
    let rounds = ended["rounds"].as_array().context("no rounds")?;
    let workers: Vec<f64> = rounds.iter().map(|round| number(&round["workers"])).collect::<Result<_, _>>()?;
    ensure!(workers == [1.0, 2.0, 4.0], "{workers:?}");
    for round in rounds {
        ensure!(round["done"] == 300 && round["recordings"] == 300 && round["failed"] == 0, "{round:#}");
        let (makespan, bound) = (number(&round["makespan_seconds"])?, number(&round["lower_bound_seconds"])?);
        let (wall, predicted) = (number(&round["wall_seconds"])?, number(&round["predicted_seconds"])?);
        // The engine's own clock and that of the logs are two.
        ensure!(bound > 0.0 && makespan > bound * 0.99 && makespan <= wall, "{round:#}");
        ensure!(predicted >= bound * 0.999, "{round:#}");
        let busy: f64 =
            round["busy"].as_array().context("no busy shares")?.iter().filter_map(Value::as_f64).sum();
        ensure!(busy > 0.0 && busy <= number(&round["workers"])?, "{round:#}");
        ensure!(number(&round["redis_memory_bytes"])? > 100_000.0, "{round:#}");
        let claims = round["latencies"].as_array().context("no latencies")?;
        let claims = claims.iter().find(|latency| latency["operation"] == "claim").context("no claims")?;
        ensure!(number(&claims["calls"])? >= 300.0, "{claims:#}");
        ensure!(
            number(&claims["p50_ms"])? > 0.0 && number(&claims["max_ms"])? >= number(&claims["p99_ms"])?,
            "{claims:#}"
        );
    }
    let picture = std::fs::read(world.path().join("load.png"))?;
    ensure!(picture.starts_with(b"\x89PNG"), "the picture is no PNG");
    let page = std::fs::read_to_string(report)?;
    ensure!(
        page.contains("Steno under load") && page.matches("<svg").count() == 4,
        "the page lacks something"
    );
    invariants::nothing_runs(&world)
}

#[test]
fn a_broken_limit_is_named_and_told_by_the_exit_code() -> anyhow::Result<()> {
    let world = World::new()?;
    backlog(&world, "40")?;
    let broken = run(&world, "2000")?
        .args(["--max-over-bound", "0.01", "--max-claim-p99-ms", "0.000001"])
        .run()?
        .expect(1)?;
    broken.says(&[
        "Limit broken: makespan ÷ bound is ",
        "at most 0.01 is wanted",
        "Limit broken: claim p99 in ms",
    ])?;
    // The same once more would measure nothing.
    run(&world, "2000")?
        .run()?
        .expect(2)?
        .says(&["holds transcripts of 40 of the recordings already", "State and logs are kept in "])?;
    invariants::nothing_runs(&world)
}

#[test]
fn who_stops_a_load_test_stops_its_run() -> anyhow::Result<()> {
    let world = World::new()?;
    backlog(&world, "40")?;
    let output = world.output();
    let mut running = run(&world, "20")?.start()?;
    running.until("workers are there", |running| {
        Ok(!running.children("steno")?.is_empty() && output.join("round-1").exists())
    })?;
    running.signal(Signal::SIGTERM)?;
    running.ended()?.expect(5)?.says(&["stopped, and the run with it", "State and logs are kept in "])?;
    invariants::nothing_runs(&world)
}

#[test]
fn what_steno_refuses_is_told_and_the_state_kept() -> anyhow::Result<()> {
    let world = World::new()?;
    backlog(&world, "4")?;
    let refused = run(&world, "2000")?.args(["--", "--format", "doc"]).run()?.expect(2)?;
    refused.says(&["doc", "steno ended early", "State and logs are kept in "])?;
    invariants::nothing_runs(&world)
}
