//! A worker with the simulated engine, by itself: it writes only where an output is marked for it.

use anyhow::{Result, ensure};
use steno_shared::exit::Exit;
use steno_shared::ids::ShardId;
use steno_shared::leases::ItemState;
use steno_shared::simulated::MARKER;
use steno_shared::worker_config::{EngineKind, WorkerConfig};
use steno_tests::lease_world::{LeaseWorld, SHARD, items};

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_nothing_for_an_output_that_is_not_marked() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let new = items(1);
    world.leases.enqueue(SHARD, &new).await?;
    let folder = tempfile::tempdir()?;
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir_all(&input)?;
    std::fs::create_dir_all(&output)?;
    let mut config = WorkerConfig {
        engine: EngineKind::Simulated { speeds: vec![1000.0] },
        spool: folder.path().join("spool"),
        ..world.worker_config()
    };
    config.meta.input = input.display().to_string();
    config.meta.output = output.display().to_string();
    let path = folder.path().join("worker.json");
    std::fs::write(&path, serde_json::to_vec(&config)?)?;
    let run = || steno_worker::run::run(&path, "one", ShardId(0), false);
    ensure!(run().await == Exit::Unusable, "it went to work for an output that is not marked");
    ensure!(world.row(&new[0].id).await?.state == ItemState::Ready);
    std::fs::write(output.join(MARKER), "marked")?;
    // What it takes is not there, and the recording's own fault: it has gone to work.
    ensure!(run().await == Exit::Success);
    ensure!(world.row(&new[0].id).await?.state == ItemState::Dead);
    world.check()
}
