//! As whom a batch's pods come to Redis.

use anyhow::{Context as _, Result, ensure};
use steno_tests::condition;

use super::world::{World, kubectl};

/// What Redis answers to a user who sends this.
fn asked(world: &World, login: &[&str], command: &[&str]) -> Result<String> {
    // What comes after `--` goes to the pod: the namespace must come before.
    let place =
        ["exec", "--namespace", &world.namespace, "steno-redis-0", "--", "redis-cli", "--no-auth-warning"];
    kubectl(&[&place[..], login, command].concat())
}

/// The password that pods are given opens their batch and nothing else, and goes with the batch; the coordinator, who made it,
/// may read no secret. A Redis that has restarted, and forgotten who may come, costs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_pods_of_a_batch_come_to_redis_as_a_user_of_their_own() -> Result<()> {
    let world = World::new(&[]).await?;
    let recordings = world.record(&[12; 20]).await?;
    world.submit(2)?;
    let status = world.until_in_the_middle()?;
    let batch = status["batch"].as_str().context("no batch")?.to_owned();

    let these = format!("--selector=steno/batch={batch}");
    let listed = |template: &str| -> Result<String> {
        let template = format!("--output=go-template={{{{range .items}}}}{template}{{{{end}}}}");
        world.kubectl(&["get", "secrets", &these, &template])
    };
    let (name, password) = (listed("{{.metadata.name}}")?, listed("{{.data.password | base64decode}}")?);
    ensure!(name.starts_with(&format!("steno-{batch}-redis-")) && password.len() == 64, "secret {name:?}");
    let pods = world.kubectl(&["get", "pods", &these, "--output", "json"])?;
    ensure!(pods.contains(&name) && !pods.contains(&password), "pods are given it by reference");

    let said = ["coordinator", "worker"].map(|who| {
        let component = format!("--selector=app.kubernetes.io/component={who}");
        world.kubectl(&["logs", &component, "--tail=-1"])
    });
    let [coordinator, workers] = said;
    let configured = world.kubectl(&["get", "configmaps,jobs", "--output", "yaml"])?;
    for text in [coordinator?, workers?, configured] {
        ensure!(!text.contains(&password), "the password is in {text}");
    }

    let user = format!("steno-worker-{batch}");
    let login = ["--user", &user, "--pass", &password];
    let own = format!("steno:{{{batch}:0}}:meta");
    let fields = asked(&world, &login, &["HLEN", &own])?;
    ensure!(fields.trim().parse::<u32>().is_ok_and(|fields| fields > 0), "its own batch: {fields}");
    for command in [&["HLEN", "steno:{another:0}:meta"][..], &["FLUSHALL"], &["KEYS", "*"], &["ACL", "LIST"]]
    {
        let answer = asked(&world, &login, command)?;
        ensure!(answer.contains("NOPERM"), "{command:?}: {answer}");
    }

    let verbs = [("create", "yes"), ("get", "no"), ("list", "no"), ("delete", "no"), ("patch", "no")];
    for (verb, wanted) in verbs {
        let may = world.may("steno-coordinator", verb, "secrets")?;
        ensure!(may == wanted, "{verb} secrets: {may}");
    }

    world.kubectl(&["delete", "pod", "steno-redis-0", "--force", "--grace-period=0", "--wait=false"])?;
    world.kubectl(&["rollout", "status", "statefulset/steno-redis", "--timeout=120s"])?;
    world.watch(0)?;
    world.check_transcripts(&recordings).await?;
    let failed = world.kubectl(&["get", "jobs", "--output", "jsonpath={.items[*].status.failed}"])?;
    ensure!(world.jobs()?.len() == 1 && failed.trim().is_empty(), "pods failed: {failed}");

    world.steno(&["delete", &batch])?.run()?.expect(0)?;
    condition::until_so("the batch's secret is gone", || {
        Ok(world.kubectl(&["get", "secrets", &these, "--output", "name"])?.trim().is_empty())
    })?;
    let refused = asked(&world, &login, &["HLEN", &own]).err().context("a deleted batch's user is let in")?;
    ensure!(refused.to_string().contains("WRONGPASS"), "{refused}");
    world.passed()
}
