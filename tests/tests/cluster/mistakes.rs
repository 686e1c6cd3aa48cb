//! What users get wrong, how status tells, and that mending it is all that is needed.

use anyhow::{Result, ensure};

use super::world::{World, at_work, gpu_nodes, reviewed, waits_because};

/// A configuration that no pod can work with fails the batch at once, with the worker's words; too little memory does so after
/// some tries. Each time the values are mended and the same is submitted again.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_told_at_once_and_mended_by_an_upgrade() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::new(&["worker.device=cuda"]).await?;
    let recordings = world.record(&[5; 4]).await?;
    world.submit(nodes)?;
    let said = world.watch(3)?;
    ensure!(world.jobs()?.len() == 1, "it was tried again: {:?}", world.jobs()?);
    // How many pods came to say so before the first one's word ended the Job differs.
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains("  shard ")).collect();
    insta::assert_snapshot!("no_gpu_in_the_pod", reviewed(&lines.join("\n")));

    world.install(&["worker.resources.limits.memory=110Mi", "job.retriesPerNode=0"])?;
    world.submit(nodes)?;
    let said = world.watch(3)?;
    ensure!(said.contains("raise that in the chart's values"), "{said}");

    world.install(&[])?;
    world.submit(nodes)?;
    insta::assert_snapshot!("mended", reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;
    world.passed()
}

/// More pods than GPU nodes: one waits and says why, and the batch completes.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_without_a_node_says_why_and_the_others_do_its_work() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::new(&[]).await?;
    let recordings = world.record(&[15; 12]).await?;
    world.submit(nodes + 1)?;
    world.until("one pod waits for a node while the others work", |status| {
        waits_because(status, "no node has a free GPU") && at_work(status) == nodes
    })?;
    insta::assert_snapshot!(reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;
    world.passed()
}

/// A bucket that is not there is told by the coordinator, and no pod is made.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_costs_no_pod() -> Result<()> {
    let world = World::new(&[]).await?;
    world
        .steno(&["submit", "s3://nowhere/in", "--out", "s3://calls/out", "--nodes", "2"])?
        .run()?
        .expect(0)?;
    insta::assert_snapshot!(reviewed(&world.watch(3)?));
    ensure!(world.jobs()?.is_empty());
    world.passed()
}

/// A pod that is killed for its memory in the middle of a recording, again and again: the recording that does it is failed after
/// two workers, with the reason, and the others are done. With more memory it is requeued.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_too_large_for_the_memory_fails_alone_and_is_requeued_with_more() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    // Enough for a window at a time, not for many.
    let world = World::new(&["worker.resources.limits.memory=900Mi", "worker.batchSize=16"]).await?;
    let recordings = world.record(&[400, 6, 6, 6]).await?;
    // In parts, one of them could be done.
    world.submission(nodes)?.args(["--split", "never"]).run()?.expect(0)?;
    let said = world.watch(1)?;
    ensure!(said.contains("2 pods were replaced: it was killed for using more memory than"), "{said}");
    insta::assert_snapshot!("too_little", reviewed(&said));
    let failed = world.steno(&["items", "--failed"])?.run()?.expect(0)?.stdout;
    for words in ["00.flac", "lost after 2 attempts: the worker vanished twice", "give them more"] {
        ensure!(failed.contains(words), "{words:?} is not in\n{failed}");
    }
    world.install(&[])?;
    world.steno(&["requeue", "--all"])?.run()?.expect(0)?;
    insta::assert_snapshot!("enough", reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;
    world.passed()
}
