//! A rehearsal on the cluster's own nodes: the simulated engine, measured, before a GPU is paid for.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::world::{World, gpu_nodes};

#[tokio::test(flavor = "multi_thread")]
async fn a_load_test_runs_on_the_cluster_s_nodes_and_leaves_only_its_marked_output() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::new(&[]).await?;
    let (namespace, workers) = (world.namespace.as_str(), nodes.to_string());
    let lengths = ["--recordings", "120", "--lengths", "pareto:30,1.2"];
    let store = ["--s3-endpoint", world.endpoint()];
    let generate = world.loadtest()?.args(["generate", "s3://calls/load"]).args(lengths).args(store);
    generate.run()?.expect(0)?;
    let place = ["--kube", "--namespace", namespace, "--workers", &workers];
    let run = ["run", "s3://calls/load", "--out", "s3://calls/rehearsal", "--speed", "100", "--json"];
    let ended = world.loadtest()?.args(run).args(place).run()?.expect(0)?;
    ensure!(ended.stderr.contains("running on "), "no progress was told: {}", ended.stderr);
    let report = ended.json()?;
    let round = &report["rounds"][0];
    ensure!(round["workers"] == nodes && round["failed"] == 0, "{round:#}");
    let number = |name: &str| round[name].as_f64().with_context(|| format!("{name} in {round:#}"));
    let (makespan, load) = (number("makespan_seconds")?, number("lower_bound_seconds")?);
    ensure!(makespan > load * 0.99 && makespan <= number("wall_seconds")?, "{round:#}");
    ensure!(number("redis_memory_bytes")? > 100_000.0, "{round:#}");
    let busy = round["busy"].as_array().context("no busy shares")?;
    ensure!(busy.len() == nodes && busy.iter().all(|busy| busy.as_f64() > Some(0.0)), "{round:#}");
    let calls = round["latencies"].as_array().context("no latencies")?;
    let completed = calls.iter().find(|calls| calls["operation"] == "complete").context("no completions")?;
    ensure!(completed["calls"].as_u64() >= Some(120), "{completed:#}");

    // Nothing is left of it but what it wrote, which no real batch takes for its own.
    let gone = world.steno(&["status"])?.run()?.expect(2)?;
    ensure!(gone.stderr.contains("no batch was submitted"), "{}", gone.stderr);
    let real = ["submit", "s3://calls/load", "--out", "s3://calls/rehearsal/round-1", "--nodes", "1"];
    let refused = world.steno(&real)?.args(["--watch", "--json"]).run()?.expect(3)?;
    let status: Value = serde_json::from_str(&refused.stdout)?;
    let why = status["message"].as_str().unwrap_or_default();
    ensure!(status["phase"] == "failed" && why.contains("holds simulated transcripts"), "{status:#}");
    world.passed()
}
