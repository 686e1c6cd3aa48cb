//! Uneven recordings on several nodes, one of which dies in the middle and never comes back.

use anyhow::{Result, ensure};

use super::world::{World, gpu_nodes, on_node, reviewed};

/// Forty lengths in seconds: most are short, some are long.
fn lengths() -> Vec<u32> {
    (0..40).map(|index| if index % 10 == 0 { 60 + index } else { 3 + index % 7 }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_finish_what_a_dead_node_had() -> Result<()> {
    let nodes = gpu_nodes()?;
    let world = World::new(&[]).await?;
    let recordings = world.record(&lengths()).await?;
    world.submit(nodes.len())?;
    let status = world.until_in_the_middle()?;
    // The last node has nothing but its worker.
    let victim = nodes.last().map(String::as_str).unwrap_or_default();
    ensure!(status["nodes"].as_array().is_some_and(|pods| pods.iter().any(|pod| pod["node"] == *victim)));
    on_node("STENO_KILL_NODE", "docker kill \"$NODE\"", victim)?;
    let last = world.watch(0);
    on_node("STENO_HEAL_NODES", "docker start \"$NODE\"", victim)?;
    insta::assert_snapshot!(reviewed(&last?));
    world.check_transcripts(&recordings).await?;
    ensure!(world.jobs()?.len() <= 1, "a second Job was made: {:?}", world.jobs()?);
    world.passed()
}

/// The chart's own promises at the end of its life.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_under_a_running_batch_disturbs_nothing_and_an_uninstall_leaves_nothing() -> Result<()> {
    let nodes = gpu_nodes()?;
    let world = World::new(&[]).await?;
    let recordings = world.record(&lengths()[..20]).await?;
    world.submit(nodes.len())?;
    world.until_in_the_middle()?;
    world.install(&["price.perNodeHour=2", "coordinator.replicas=2"])?;
    let last = world.watch(0)?;
    insta::assert_snapshot!(reviewed(&last));
    world.check_transcripts(&recordings).await?;
    ensure!(world.jobs()?.len() == 1, "the upgrade made another Job: {:?}", world.jobs()?);
    super::chart::uninstall(&world)?;
    world.passed()
}
