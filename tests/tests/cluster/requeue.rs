//! Recordings that may not be read at first, and are requeued alone once they may.

use std::process::Command;

use anyhow::{Result, ensure};
use steno_tests::audio;
use steno_tests::s3_server::{ACCESS_KEY, SECRET_KEY};

use super::world::{World, gpu_nodes, reviewed};

const USER: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "limited"), ("AWS_SECRET_ACCESS_KEY", "limited-secret-0123456789")];
const DENIED: [&str; 3] = ["00.flac", "03.m4a", "06.mp3"];

/// A user who may do everything but read some recordings.
async fn permit(world: &World, denied: &[&str]) -> Result<()> {
    let client = world.client().await;
    for bucket in ["calls", "models"] {
        let everything = [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")];
        let mut statements = vec![
            serde_json::json!({"Effect": "Allow", "Principal": ["limited"], "Action": ["s3:*"], "Resource": everything}),
        ];
        if bucket == "calls" && !denied.is_empty() {
            let these: Vec<String> =
                denied.iter().map(|name| format!("arn:aws:s3:::calls/in/{name}")).collect();
            statements.push(
                serde_json::json!({"Effect": "Deny", "Principal": ["limited"], "Action": ["s3:GetObject"], "Resource": these}),
            );
        }
        let policy = serde_json::json!({"Statement": statements}).to_string();
        client.put_bucket_policy().bucket(bucket).policy(policy).send().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_refused_recordings_are_requeued_alone() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::without_steno(&USER).await?;
    let created = Command::new(audio::fetched("bin/versitygw")?)
        .args(["admin", "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--endpoint-url", world.endpoint()])
        .args(["create-user", "--access", USER[0].1, "--secret", USER[1].1, "--role", "user"])
        .output()?;
    ensure!(created.status.success(), "no user was made: {}", String::from_utf8_lossy(&created.stderr));
    let recordings = world.record(&[6; 8]).await?;
    permit(&world, &DENIED).await?;
    world.install(&[])?;
    world.submit(nodes)?;
    let said = world.watch(1)?;
    insta::assert_snapshot!("refused", reviewed(&said));
    let failed = world.steno(&["items", "--failed"])?.run()?.expect(0)?.stdout;
    for name in DENIED {
        ensure!(failed.contains(name), "{name} is not among the failed:\n{failed}");
    }

    permit(&world, &[]).await?;
    let requeued = world.steno(&["requeue", "--all"])?.run()?.expect(0)?;
    ensure!(requeued.stdout.contains("3 failed recordings requeued"), "{}", requeued.stdout);
    world.until("the coordinator has seen it", |status| {
        status["launch"] == 2 || status["phase"] == "running"
    })?;
    insta::assert_snapshot!("requeued", reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;
    let completions = world.kubectl(&["get", "jobs", "--output", "jsonpath={.items[*].spec.completions}"])?;
    ensure!(
        completions.split(' ').next_back() == Some(&nodes.min(3).to_string()),
        "completions: {completions}"
    );
    world.passed()
}
