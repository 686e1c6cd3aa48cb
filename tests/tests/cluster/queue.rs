//! Pods that are held back: by a queue that starts Jobs, and by a quota.

use anyhow::{Result, ensure};

use super::world::{World, apply, at_work, gpu_nodes, reviewed, waits_because};

const QUOTA: &str = "the namespace's quota allows no more such pods";

/// A Job for a queue waits suspended and labelled, for as long as it takes, until it is started as Kueue does it.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_waits_in_its_queue_until_it_is_started() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::new(&["job.queue=nightly"]).await?;
    let recordings = world.record(&[5; 6]).await?;
    world.submit(nodes)?;
    world.until("its Job is held back", |status| status["suspended"] == true)?;
    insta::assert_snapshot!("waiting", reviewed(&world.steno(&["status"])?.run()?.expect(0)?.stdout));
    let jobs = world.jobs()?;
    let label = "--output=jsonpath={.metadata.labels.kueue\\.x-k8s\\.io/queue-name} {.spec.suspend}";
    let is = world.kubectl(&["get", "job", &jobs[0], label])?;
    ensure!(is == "nightly true", "{is}");
    world.kubectl(&["patch", "job", &jobs[0], "--type=merge", "--patch", r#"{"spec":{"suspend":false}}"#])?;
    insta::assert_snapshot!("started", reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;
    ensure!(world.jobs()? == jobs, "another Job was made: {:?}", world.jobs()?);
    world.passed()
}

/// A quota that allows no pod fails the batch with the quota's words; one that allows fewer pods than were asked for costs
/// only time.
#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_told_and_lived_with() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::new(&[]).await?;
    let recordings = world.record(&[12; 6]).await?;
    let quota = |gpus: &str| {
        let quota = serde_json::json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"},
            "spec": {"hard": {"requests.nvidia.com/gpu": gpus}},
        });
        apply(&world.namespace, &quota.to_string())
    };
    quota("0")?;
    world.submit(nodes)?;
    world.until("the quota is told", |status| waits_because(status, QUOTA))?;
    let said = world.watch(3)?;
    // Its pods' names, which differ, are in Kubernetes' own words.
    let said: Vec<&str> = said.lines().map(|line| line.split(" (").next().unwrap_or(line)).collect();
    insta::assert_snapshot!("refused", reviewed(&said.join("\n")));

    quota("1")?;
    world.submit(nodes)?;
    world.until("one pod works, and the others say why not", |status| {
        waits_because(status, QUOTA) && at_work(status) == 1
    })?;
    world.watch(0)?;
    world.check_transcripts(&recordings).await?;
    world.passed()
}
