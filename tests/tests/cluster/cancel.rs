//! A batch that is stopped, taken up again, and removed.

use anyhow::{Result, ensure};
use steno_tests::condition;

use super::world::{World, gpu_nodes, reviewed};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_batch_ends_its_pods_and_goes_on_when_submitted_again() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::new(&[]).await?;
    let recordings = world.record(&[10; 70]).await?;
    world.submit(nodes)?;
    world.until_in_the_middle()?;
    world.steno(&["cancel"])?.run()?.expect(0)?;
    let said = world.watch(5)?;
    ensure!(said.contains("cancelled; nothing runs any more"), "{said}");
    ensure!(world.jobs()?.is_empty(), "a Job is left: {:?}", world.jobs()?);
    condition::until_so("its pods are gone", || Ok(world.running_pods()?.is_empty()))?;
    let stopped = world.status()?;
    ensure!(stopped["totals"]["leased"] == 0 && stopped["totals"]["ready"].as_u64() > Some(0), "{stopped:#}");

    world.submit(nodes)?;
    insta::assert_snapshot!(reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;

    let batch = world.status()?["batch"].as_str().unwrap_or_default().to_owned();
    world.steno(&["delete", &batch])?.run()?.expect(0)?;
    condition::until_so("nothing of the batch is left", || {
        let left = world.kubectl(&["get", "jobs,pods,configmaps", "--output", "name"])?;
        Ok(!left.contains(&batch))
    })?;
    let none = world.steno(&["status"])?.run()?.expect(2)?;
    ensure!(none.stderr.contains("no batch was submitted"), "{}", none.stderr);
    world.check_transcripts(&recordings).await?;
    world.passed()
}
