//! The chart: its own test, doctor, and what is left when it goes.

use anyhow::{Result, ensure};
use steno_tests::condition;

use super::world::World;

/// Uninstalls, and waits until nothing is left but what the user made.
pub(crate) fn uninstall(world: &World) -> Result<()> {
    let uninstalled = std::process::Command::new("helm")
        .args(["uninstall", "steno", "--wait", "--namespace", &world.namespace])
        .output()?;
    ensure!(uninstalled.status.success(), "{}", String::from_utf8_lossy(&uninstalled.stderr));
    let kinds = "all,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies,persistentvolumeclaims,leases";
    let mut left = String::new();
    let gone = condition::until_so("nothing of Steno is left", || {
        left = world.kubectl(&["get", kinds, "--output", "name"])?;
        Ok(left.lines().filter(|name| name.contains("steno")).count() == 0)
    });
    gone.map_err(|error| error.context(format!("left behind:\n{left}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_and_helm_test_find_a_good_installation_good_and_a_bad_one_bad() -> Result<()> {
    let world = World::new(&[]).await?;
    let doctor = world.steno(&["doctor", "--out", "s3://calls/out"])?.run()?.expect(0)?;
    for line in [
        "ok    API server: Kubernetes 1.",
        "ok    clock of the cluster: the API server and this machine agree",
        "ok    rights: you may do all",
        "ok    installation: model tiny.en",
        "ok    coordinator: pod steno-coordinator-",
        "ok    GPU nodes: ",
        "ok    model cache: each pod fetches the model from s3://models/tiny.en",
        "ok    Redis from here: ",
        "ok    images: ",
        "ok    Redis from inside: redis://steno-redis:6379 answers",
        "ok    clock of Redis: Redis and this pod agree",
        "ok    users of Redis: the workers of each batch have one of their own",
        "ok    clock of the object store: the object store and this pod agree",
        "ok    model from inside: s3://models/tiny.en",
        "ok    output from inside: s3://calls/out can be written",
    ] {
        ensure!(doctor.stdout.contains(line), "{line:?} is not in\n{}", doctor.stdout);
    }
    let tested = std::process::Command::new("helm")
        .args(["test", "steno", "--timeout=120s", "--namespace", &world.namespace])
        .output()?;
    ensure!(tested.status.success(), "helm test: {}", String::from_utf8_lossy(&tested.stderr));
    world.install(&["model.source=s3://models/nothing", "worker.nodeSelector.pool=gpu"])?;
    let doctor = world.steno(&["doctor"])?.run()?.expect(3)?;
    for line in [
        "BAD   GPU nodes: none of the ",
        "has the labels pool=gpu",
        "BAD   model from inside: s3://models/nothing holds no whole model",
    ] {
        ensure!(doctor.stdout.contains(line), "{line:?} is not in\n{}", doctor.stdout);
    }
    let left = world.kubectl(&["get", "pods", "--output", "name"])?;
    ensure!(!left.contains("doctor"), "doctor left its pod: {left}");
    world.passed()
}
