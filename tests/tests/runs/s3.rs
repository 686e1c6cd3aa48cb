//! A bucket in, a bucket out, on a real S3 server.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use aws_sdk_s3::primitives::ByteStream;
use steno_shared::output_name::transcript_key;
use steno_tests::s3_server::S3Server;
use steno_tests::steno::Steno;
use steno_tests::transcripts::{self, Written};
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, invariants};

const NAMES: [&str; 4] = ["a b+c%41ü.flac", "deep/er/x.flac", "plain.flac", "two\nlines.flac"];

async fn upload(server: &S3Server, bucket: &str, key: &str, body: Vec<u8>) -> anyhow::Result<()> {
    let put = server.client().await.put_object().bucket(bucket).key(key).body(ByteStream::from(body));
    put.send().await.with_context(|| format!("failed to upload {key:?}"))?;
    Ok(())
}

fn run(world: &World, server: &S3Server, input: &str, output: &str) -> anyhow::Result<Steno> {
    let run = world.run_between(input, output)?.envs(server.env());
    Ok(run.args(["--s3-endpoint", &server.endpoint]))
}

/// The bucket's transcripts, each checked, as files of the server.
fn published(server: &S3Server, bucket: &str) -> anyhow::Result<BTreeMap<String, Written>> {
    let mut files = transcripts::files(&server.bucket_folder(bucket).join("out"))?;
    for name in NAMES {
        let key = transcript_key(name, "json");
        let (bytes, _) = files.get(&key).with_context(|| format!("no {key:?} among {:?}", files.keys()))?;
        let transcript = transcripts::valid(&key, bytes)?;
        ensure!(transcript["filename"] == name, "{key:?} names {}", transcript["filename"]);
        ensure!(transcripts::text(&transcript).contains("your country"), "{key:?} lacks words");
    }
    files.retain(|key, _| key.ends_with(".json"));
    ensure!(files.len() == NAMES.len(), "more than the transcripts: {:?}", files.keys());
    Ok(files)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_transcribed_once_and_only_once() -> anyhow::Result<()> {
    let (world, server) = (World::new()?, S3Server::start().await?);
    let bucket = server.bucket("calls").await?;
    for name in NAMES {
        upload(&server, &bucket, &format!("in/{name}"), std::fs::read(audio::speech())?).await?;
    }
    upload(&server, &bucket, "in/text.mp3", b"no recording at all".to_vec()).await?;
    let command = || run(&world, &server, "s3://calls/in", "s3://calls/out");
    let summary = command()?.run()?.expect(1)?.json()?;
    expect_counts(&summary, &[("recordings", 5), ("done", 4), ("failed", 1), ("left", 0)])?;
    let before = published(&server, &bucket)?;
    let spool = transcripts::files(&world.state().join("spool"))?;
    ensure!(spool.is_empty(), "the spool holds {:?}", spool.keys());
    invariants::nothing_runs(&world)?;

    let summary = command()?.run()?.expect(1)?.json()?;
    expect_counts(&summary, &[("done", 0), ("skipped", 4), ("failed", 1)])?;
    std::fs::remove_dir_all(world.state())?;
    server.client().await.delete_object().bucket(&bucket).key("in/text.mp3").send().await?;
    let summary = command()?.run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 4), ("done", 0), ("skipped", 4), ("failed", 0)])?;
    ensure!(published(&server, &bucket)? == before, "transcripts were written again");
    for name in ["worker.json", "batch.json", "lock"] {
        let text = std::fs::read_to_string(world.state().join(name))?;
        ensure!(!text.contains(steno_tests::s3_server::SECRET_KEY), "{name} holds the secret key");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_refuses_is_told_before_any_work() -> anyhow::Result<()> {
    let (world, server) = (World::new()?, S3Server::start().await?);
    server.bucket("calls").await?;
    let missing = run(&world, &server, "s3://missing/in", "s3://calls/out")?.run()?.expect(3)?;
    missing.says(&["create bucket missing", "or correct its name"])?;
    let missing = run(&world, &server, "s3://calls/in", "s3://missing/out")?.run()?.expect(3)?;
    missing.says(&["create bucket missing", "or correct its name"])?;
    for (name, value) in [("AWS_ACCESS_KEY_ID", "nobody"), ("AWS_SECRET_ACCESS_KEY", "wrong")] {
        let refused = run(&world, &server, "s3://calls/in", "s3://calls/out")?.envs([(name, value)]);
        refused.run()?.expect(3)?.says(&["AWS_ACCESS_KEY_ID"])?;
    }
    let none =
        world.run_between("s3://calls/in", "s3://calls/out")?.args(["--s3-endpoint", &server.endpoint]);
    none.run()?.expect(3)?.says(&["AWS_ACCESS_KEY_ID"])?;
    invariants::nothing_runs(&world)
}

/// Every recording would fail for it, and have to be requeued once the permission is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_told_before_any_work() -> anyhow::Result<()> {
    let (world, server) = (World::new()?, S3Server::start().await?);
    for bucket in ["calls", "texts"] {
        server.bucket(bucket).await?;
    }
    for name in ["a.flac", "b.flac"] {
        upload(&server, "calls", &format!("in/{name}"), std::fs::read(audio::speech())?).await?;
    }
    upload(&server, "calls", "in/empty.mp3", Vec::new()).await?;
    let user = server.user_who_may("calls", &["s3:ListBucket"]).await?;
    let output = world.output();
    let limited = |output: &str| run(&world, &server, "s3://calls/in", output)?.envs(user).run();
    let refused = limited(&output.to_string_lossy())?.expect(3)?;
    refused.says(&[
        "none of the 3 recordings in s3://calls/in may be read",
        "grant these credentials s3:GetObject",
    ])?;
    let refused = limited("s3://texts/out")?.expect(3)?;
    refused.says(&["grant these credentials s3:PutObject below this prefix"])?;
    ensure!(world.items(&["--failed"])?.is_empty(), "recordings failed for a missing permission");
    ensure!(transcripts::files(&output)?.is_empty(), "a refused run wrote to its output");
    invariants::nothing_runs(&world)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_where_nobody_answers_is_told() -> anyhow::Result<()> {
    let world = World::new()?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let run = world.run_between("s3://calls/in", "s3://calls/out")?;
    let run =
        run.envs([("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "us-east-1")]);
    let refused = run.args(["--s3-endpoint", &format!("http://127.0.0.1:{port}")]).run()?.expect(6)?;
    refused.says(&[&port.to_string(), "check the endpoint and the network"])?;
    invariants::nothing_runs(&world)
}

/// A transcript that waits for a store that is away is not stuck, whatever is taken for stuck otherwise: nothing is begun again.
#[test]
fn a_store_that_is_away_for_longer_than_the_stall_limit_costs_no_attempt() -> anyhow::Result<()> {
    let (world, runtime) = (World::new()?, tokio::runtime::Runtime::new()?);
    let mut server = runtime.block_on(S3Server::start())?;
    runtime.block_on(server.bucket("calls"))?;
    let client = runtime.block_on(server.client());
    for name in ["a", "b"] {
        let body = audio::flac_header(20, name.as_bytes());
        let put = client.put_object().bucket("calls").key(format!("in/{name}.flac")).body(body.into());
        runtime.block_on(put.send())?;
    }
    let steno = world.rehearse_between("s3://calls/in", "s3://calls/out", "2", "10")?;
    let steno = steno.args(["--stall-limit", "2", "--s3-endpoint", &server.endpoint]);
    let mut running = steno.envs(server.env()).start()?;
    running.until("both are in hand", |_| Ok(world.logged(" recording.claimed ") >= 2))?;
    server.kill()?;
    // To publish, or where it was killed before that to fetch.
    running.until("they have waited again and again", |_| {
        let waits = world.logged(" transcript.not_published_yet ") + world.logged(" service.away ");
        Ok(waits >= 4 || world.logged(" recording.claimed ") > 2)
    })?;
    runtime.block_on(server.start_again())?;
    running.ended()?.expect(0)?;
    for item in world.items(&[])? {
        ensure!(item["state"] == "done" && item["attempts"] == 1 && item["lost"] == 0, "{item:#}");
    }
    Ok(())
}
