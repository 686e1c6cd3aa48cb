//! What dies in a cluster: pods, Jobs, Redis. The batch gets done all the same.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use steno_tests::condition;

use super::world::{World, gpu_nodes, reviewed, tag};

#[tokio::test(flavor = "multi_thread")]
async fn an_evicted_pod_a_deleted_job_and_a_killed_redis_cost_nothing_but_time() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::new(&[]).await?;
    let recordings = world.record(&[12; 80]).await?;
    world.submit(nodes)?;
    world.until_in_the_middle()?;

    let pods = world.running_pods()?;
    evict(&world, &pods[0])?;
    condition::until_so("another pod is in the evicted one's place", || {
        Ok(world.running_pods()?.iter().any(|pod| !pods.contains(pod)))
    })?;

    world.kubectl(&["delete", "pod", "steno-redis-0", "--force", "--grace-period=0", "--wait=false"])?;
    world.kubectl(&["rollout", "status", "statefulset/steno-redis", "--timeout=120s"])?;

    let jobs = world.jobs()?;
    world.kubectl(&["delete", "job", &jobs[0], "--wait=false"])?;
    let last = world.watch(0)?;
    world.check_transcripts(&recordings).await?;
    insta::assert_snapshot!(reviewed(&last));
    world.passed()
}

fn evict(world: &World, pod: &str) -> Result<()> {
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", world.namespace);
    let eviction = serde_json::json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": world.namespace},
    });
    let mut command = Command::new("kubectl");
    command.args(["create", "--raw", &path, "--filename=-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn()?;
    serde_json::to_writer(child.stdin.take().ok_or_else(|| anyhow::anyhow!("no pipe"))?, &eviction)?;
    ensure!(child.wait()?.success(), "the eviction of {pod} was refused");
    Ok(())
}

/// A worker whose device is bad ends with its own exit code: its index fails, the others go on, and no pod of it comes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_gpu_ends_its_index_and_the_rest_goes_on() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let image = format!("worker.image=docker.io/library/steno-bad-gpu-test:{}", tag());
    let world = World::new(&[&image]).await?;
    let recordings = world.record(&[8; 9]).await?;
    world.submit(nodes)?;
    insta::assert_snapshot!(reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;
    ensure!(world.jobs()?.len() == 1, "{:?}", world.jobs()?);
    let failed = world.kubectl(&["get", "jobs", "--output", "jsonpath={.items[0].status.failedIndexes}"])?;
    ensure!(failed == "0", "failed indexes: {failed}");
    world.passed()
}
