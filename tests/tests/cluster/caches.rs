//! Where nodes keep the model: a folder of each node, or a volume that all of them mount.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::world::{World, apply, gpu_nodes, tag, waits_because};

/// What the pods of the batch's latest Job fetched, in bytes each.
fn fetched(world: &World) -> Result<Vec<u64>> {
    let jobs = world.jobs()?;
    let job = jobs.iter().max_by_key(|job| job.rsplit('-').next()?.parse::<u32>().ok()).context("no Job")?;
    let pods = world.kubectl(&["get", "pods", &format!("--selector=job-name={job}"), "--output=name"])?;
    pods.lines().map(|pod| fetched_by(world, pod)).collect()
}

/// What a pod's init container fetched, in bytes.
fn fetched_by(world: &World, pod: &str) -> Result<u64> {
    let said = world.kubectl(&["logs", pod, "--container=model"])?;
    let ready =
        said.lines().find(|line| line.contains("model.ready")).context("the model never got ready")?;
    let bytes = ready.split("bytes=").nth(1).context("it does not say how much it fetched")?;
    Ok(bytes.split(' ').next().unwrap_or_default().parse()?)
}

/// Each node fetches the model once for all batches, two pods at once on a node included, and anew when its copy is damaged.
#[tokio::test(flavor = "multi_thread")]
async fn each_node_fetches_the_model_once_and_mends_a_damaged_copy() -> Result<()> {
    let nodes = gpu_nodes()?;
    let world = World::without_steno(&[]).await?;
    let folder = format!("{}-models", world.namespace);
    let played = fill_and_damage(&world, &nodes, &folder).await;
    for node in &nodes {
        world.on_node_as_root(node, &format!("rm -rf /host/{folder}"))?;
    }
    played?;
    world.passed()
}

async fn fill_and_damage(world: &World, nodes: &[String], folder: &str) -> Result<()> {
    let path = format!("model.cache.node.path=/var/lib/{folder}");
    world.install(&["model.cache.type=node", &path])?;
    let recordings = world.record(&[5; 6]).await?;
    world.submit(nodes.len())?;
    world.until("pods wait for the folder that nobody has made yet", |status| {
        waits_because(status, "the folder of model.cache.node is not on the node")
    })?;
    for node in nodes {
        // As docs/kubernetes.md tells.
        world.on_node_as_root(
            node,
            &format!("mkdir -p -m 2770 /host/{folder} && chgrp 10001 /host/{folder}"),
        )?;
    }
    world.watch(0)?;
    world.check_transcripts(&recordings).await?;
    let first = fetched(world)?;
    let size = first.first().copied().unwrap_or_default();
    ensure!(size > 70_000_000 && first == vec![size; nodes.len()], "fetched at first: {first:?}");

    // Of what lies on the nodes now, one copy is cut short, as by a full disk, and one is gone.
    let model = format!("/host/{folder}/tiny.en");
    world.on_node_as_root(&nodes[0], &format!("truncate --size=1000000 {model}/model.bin"))?;
    world.on_node_as_root(&nodes[1], &format!("rm -r {model}"))?;
    two_at_once(world, &nodes[1], folder, size)?;
    let more = world.record(&[5; 12]).await?;
    // Some of the first have been made anew, and are other recordings now.
    world.submission(nodes.len())?.args(["--existing", "replace"]).run()?.expect(0)?;
    world.watch(0)?;
    world.check_transcripts(&more).await?;
    let mut second = fetched(world)?;
    second.sort_unstable();
    let mut wanted = vec![0; nodes.len() - 1];
    wanted.push(size);
    ensure!(second == wanted, "fetched with one damaged copy of {} nodes: {second:?}", nodes.len());
    let left = world.on_node_as_root(&nodes[0], &format!("ls -A /host/{folder}"))?;
    ensure!(left.lines().eq([".tiny.en.lock", "tiny.en"]), "the node's folder holds {left}");
    Ok(())
}

/// Two pods that want the model at the same moment on a node that has none: one of them fetches it. Somebody holds the lock
/// until both are there.
fn two_at_once(world: &World, node: &str, folder: &str, size: u64) -> Result<()> {
    let hold = format!("until [ -e /host/{folder}/go ]; do sleep 0.1; done");
    let lock = format!("flock /host/{folder}/.tiny.en.lock sh -c '{hold}'");
    let holder = world.begin_as_root(node, &lock)?;
    let jobs = world.jobs()?;
    let job: Value = serde_json::from_str(&world.kubectl(&["get", "job", &jobs[0], "--output=json"])?)?;
    let mut spec = job["spec"]["template"]["spec"].clone();
    // What brings the model is the pod's init container; after it there is nothing to do, and no GPU to wait for.
    spec["affinity"] = Value::Null;
    spec["nodeName"] = node.into();
    spec["containers"][0]["args"] = serde_json::json!(["--version"]);
    spec["containers"][0]["resources"] = Value::Null;
    let names = ["at-once-1", "at-once-2"];
    for name in names {
        let pod = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "spec": spec,
            // As a worker, so that the network lets it through.
            "metadata": {"name": name, "labels": {
                "app.kubernetes.io/name": "steno", "app.kubernetes.io/component": "worker",
            }},
        });
        apply(&world.namespace, &pod.to_string())?;
    }
    for name in names {
        let began = "--for=jsonpath={.status.initContainerStatuses[0].state.running.startedAt}";
        world.kubectl(&["wait", began, &format!("pod/{name}"), "--timeout=60s"])?;
    }
    world.on_node_as_root(node, &format!("touch /host/{folder}/go"))?;
    world.ended(&holder)?;
    let mut bytes = Vec::new();
    for name in names {
        world.until_succeeded(name)?;
        bytes.push(fetched_by(world, name)?);
        world.kubectl(&["delete", "pod", name, "--wait=false"])?;
    }
    world.on_node_as_root(node, &format!("rm /host/{folder}/go"))?;
    bytes.sort_unstable();
    ensure!(bytes == [0, size], "two at once fetched {bytes:?}");
    Ok(())
}

/// A claim for one node is refused before it can leave pods hanging; one for many is mounted by all.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_for_many_nodes_holds_the_model_and_one_for_a_single_node_is_refused() -> Result<()> {
    let nodes = gpu_nodes()?;
    let world = World::without_steno(&[]).await?;
    let claim = ["model.cache.type=claim", "model.cache.claim.size=300Mi"];
    let single = "model.cache.claim.accessMode=ReadWriteOnce";
    let refused = world.install(&[claim[0], claim[1], single]).err().context("the chart took it")?;
    ensure!(format!("{refused:#}").contains("cannot be mounted on a second node"), "{refused:#}");

    // One that the chart does not see, as it is made after the installation.
    world.install(&[claim[0], "model.cache.claim.existing=mine", "coordinator.replicas=0"])?;
    make_claim(&world, "mine", "ReadWriteOnce")?;
    let refused = world.submission(nodes.len())?.run()?.expect(3)?;
    let words = "claim mine is ReadWriteOnce: it can be mounted on one node only";
    ensure!(refused.stderr.contains(words), "{}", refused.stderr);
    let doctor = world.steno(&["doctor"])?.run()?.expect(3)?;
    let words = "BAD   model cache: the model's volume claim mine is ReadWriteOnce";
    ensure!(doctor.stdout.contains(words), "{}", doctor.stdout);

    make_claim(&world, "models", "ReadWriteMany")?;
    fill(&world)?;
    world.install(&[claim[0], "model.cache.claim.existing=models"])?;
    let recordings = world.record(&[5; 6]).await?;
    world.submit(nodes.len())?;
    world.watch(0)?;
    world.check_transcripts(&recordings).await?;
    world.passed()
}

fn make_claim(world: &World, name: &str, mode: &str) -> Result<()> {
    let claim = serde_json::json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": "300Mi"}}},
    });
    apply(&world.namespace, &claim.to_string())
}

/// The pod of docs/kubernetes.md that puts the model into the claim, with this world's names.
fn fill(world: &World) -> Result<()> {
    let docs = std::fs::read_to_string(steno_tests::audio::repository().join("docs/kubernetes.md"))?;
    let pod =
        docs.split("```yaml\n").find(|block| block.contains("name: fill-models")).context("no such pod")?;
    let pod = pod.split("```").next().unwrap_or_default();
    let mut here = pod.to_owned();
    for (theirs, ours) in [
        (
            "registry.example.com/team/steno-coordinator:0.1.0",
            format!("docker.io/library/steno-coordinator:{}", tag()),
        ),
        ("s3://BUCKET/models/large-v3", "s3://models/tiny.en".to_owned()),
        ("/models/large-v3", "/models/tiny.en".to_owned()),
        ("https://STORE", "http://s3:7070".to_owned()),
        ("steno-models", "models".to_owned()),
    ] {
        ensure!(here.contains(theirs), "docs/kubernetes.md has no {theirs} in {pod}");
        here = here.replace(theirs, &ours);
    }
    apply(&world.namespace, &here)?;
    world.ended("fill-models").context("the model is not in the claim")?;
    Ok(())
}
