//! A coordinator that dies all the time.

use anyhow::{Result, ensure};

use super::world::{World, gpu_nodes, reviewed};

/// Killed at whatever step of a submission it is at, again and again, it makes one Job, and the batch gets done.
#[tokio::test(flavor = "multi_thread")]
async fn it_may_die_at_any_moment_and_makes_no_second_job() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    // Two, so that one is always about to take over.
    let world = World::new(&["coordinator.replicas=2"]).await?;
    let recordings = world.record(&[6; 12]).await?;
    world.submit(nodes)?;
    let kill = || {
        let these = "--selector=app.kubernetes.io/component=coordinator";
        world.kubectl(&["delete", "pods", these, "--force", "--grace-period=0", "--wait=false"])
    };
    for _ in 0..6 {
        kill()?;
        std::thread::sleep(std::time::Duration::from_millis(u64::from(rand::random::<u32>() % 2500)));
    }
    world.submit(nodes)?;
    insta::assert_snapshot!(reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;
    ensure!(world.jobs()?.len() == 1, "more than one Job was made: {:?}", world.jobs()?);
    world.passed()
}
