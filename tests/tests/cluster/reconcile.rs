//! A batch whose Redis has lost all of it, and an input that has grown meanwhile.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::world::{World, reviewed};

/// When each transcript was written, by its key.
async fn written(world: &World) -> Result<BTreeMap<String, String>> {
    let listed = world.client().await.list_objects_v2().bucket("calls").prefix("out/").send().await?;
    let time = |object: &aws_sdk_s3::types::Object| {
        Some((object.key()?.to_owned(), object.last_modified()?.to_string()))
    };
    Ok(listed.contents().iter().filter_map(time).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn reconcile_takes_in_what_is_new_and_does_nothing_again() -> Result<()> {
    let world = World::new(&[]).await?;
    let mut recordings = world.record(&[6; 4]).await?;
    world.submit(1)?;
    world.watch(0)?;
    let before = written(&world).await?;
    ensure!(before.len() == 4, "{before:?}");

    let client = world.client().await;
    client.copy_object().bucket("calls").copy_source("calls/in/00.flac").key("in/late.flac").send().await?;
    recordings.insert("late.flac".to_owned(), 6);
    // What comes after `--` goes to the pod: the namespace must come before.
    let place = ["exec", "--namespace", &world.namespace, "steno-redis-0"];
    world.kubectl(&[&place[..], &["--", "sh", "-c", "rm -r /data/*"]].concat())?;
    world.kubectl(&["delete", "pod", "steno-redis-0", "--force", "--grace-period=0", "--wait=false"])?;
    world.kubectl(&["rollout", "status", "statefulset/steno-redis", "--timeout=120s"])?;

    let said = world.steno(&["reconcile"])?.run()?.expect(0)?;
    ensure!(said.stdout.contains("what Redis has lost comes back"), "{}", said.stdout);
    // Redis knows of the new one alone: the others are found transcribed.
    world.until("the new recording is done", |status| {
        status["published"] == 4 && status["totals"]["recordings"] == 1 && status["totals"]["done"] == 1
    })?;
    insta::assert_snapshot!(reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;
    let after = written(&world).await?;
    ensure!(before.iter().all(|(key, at)| after.get(key) == Some(at)), "{before:?} became {after:?}");
    world.passed()
}
