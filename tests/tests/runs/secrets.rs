//! Secrets that are given to a run are nowhere but in its processes' environment: one full run, with as much said as can be, and
//! with failures of every service, then everything that it produced is searched.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use steno_tests::redis_server::{RedisOptions, RedisServer};
use steno_tests::s3_server::{S3Server, free_port};
use steno_tests::steno::Steno;
use steno_tests::world::World;
use steno_tests::{audio, processes, transcripts};

/// What is planted beside the store's own secret key.
const REDIS_PASSWORD: &str = "planted-redis-password-8d1f";
const OTHERS: [(&str, &str); 3] = [
    ("HF_TOKEN", "planted-hub-token-77aa"),
    ("SOME_DATABASE_URL", "postgres://u:planted-other-3e9c@h/db"),
    ("STENO_REDIS_SENTINEL_PASSWORD", "planted-sentinel-password-51c0"),
];

/// A place, and the secret that is in it.
fn find(place: &str, bytes: &[u8], secrets: &[&str]) -> anyhow::Result<()> {
    for secret in secrets {
        let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        ensure!(!is_there, "{place} holds {secret}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_nowhere_in_what_a_run_produces() -> anyhow::Result<()> {
    let (world, server) = (World::new()?, S3Server::start().await?);
    server.bucket("calls").await?;
    let port = free_port()?.to_string();
    let args = ["--requirepass", REDIS_PASSWORD, "--port", &port, "--appendonly", "yes"];
    let mut redis = RedisServer::start(RedisOptions {
        args: args.map(str::to_owned).to_vec(),
        ..RedisOptions::default()
    })?;
    let client = server.client().await;
    let speech = std::fs::read(audio::speech())?;
    for (key, body) in
        [("in/a.flac", speech.clone()), ("in/b.flac", speech), ("in/text.mp3", b"no audio".to_vec())]
    {
        client.put_object().bucket("calls").key(key).body(body.into()).send().await?;
    }
    let store_secret = steno_tests::s3_server::SECRET_KEY;
    let [(_, hub), (_, database), (_, sentinel)] = OTHERS;
    let secrets = [store_secret, REDIS_PASSWORD, hub, database, sentinel];

    let tools = world.path().join("tools");
    let seen = spying_ffmpeg(&tools)?;
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let redis_url = format!("redis://127.0.0.1:{port}");
    let run = |endpoint: &str, redis: &str, variables: &[(&str, &str)]| -> anyhow::Result<Steno> {
        let run = world.run_between("s3://calls/in", "s3://calls/out")?.envs(server.env()).envs(OTHERS);
        let run =
            run.envs([("STENO_REDIS_PASSWORD", REDIS_PASSWORD), ("STENO_LOG", "debug,aws=trace,tract=off")]);
        Ok(run.args(["--redis", redis, "--s3-endpoint", endpoint]).envs(variables.iter().copied()))
    };
    let mut said = Vec::new();
    let spied = [("PATH", path.as_str())];
    said.push(run(&server.endpoint, &redis_url, &spied)?.run()?);
    let decoder = told(&seen)?;
    ensure!(String::from_utf8_lossy(&decoder).contains("protocol_whitelist"), "the decoder was not seen");
    find("the decoder's environment", &decoder, &secrets)?;
    // Not one of the variables that the run has.
    find("the decoder's environment", &decoder, &["AWS_", "STENO_", "HF_TOKEN", "HOME="])?;
    world
        .steno()?
        .args(["requeue", "--all", "--state"])
        .arg(world.state())
        .envs([("STENO_REDIS_PASSWORD", REDIS_PASSWORD)])
        .run()?
        .expect(0)?;
    let mut running = run(&server.endpoint, &redis_url, &[])?.start()?;
    running.until("workers are at work", |running| Ok(!running.children("steno-worker")?.is_empty()))?;
    for process in processes::around(world.path())? {
        find("a command line", process.arguments.join(" ").as_bytes(), &secrets)?;
    }
    said.push(running.ended()?.expect(1)?);
    // What is said when a service refuses, or is not there.
    said.push(run("http://127.0.0.1:1", &redis_url, &[])?.run()?);
    redis.kill()?;
    let mut waiting = run(&server.endpoint, &redis_url, &[])?.start()?;
    waiting.until("Redis is looked for", |waiting| Ok(waiting.said().contains("redis.retry")))?;
    find("standard error", waiting.said().as_bytes(), &secrets)?;
    drop(waiting);
    redis.restart()?;
    said.push(run(&server.endpoint, &redis_url, &[("AWS_ACCESS_KEY_ID", "nobody")])?.run()?);

    for ended in &said {
        find("standard output", ended.stdout.as_bytes(), &secrets)?;
        find("standard error", ended.stderr.as_bytes(), &secrets)?;
    }
    drop(seen);
    std::fs::remove_dir_all(&tools)?;
    let produced = [world.path().to_owned(), server.bucket_folder("calls"), redis.data()];
    let mut files = 0;
    for folder in &produced {
        for (name, (bytes, _)) in transcripts::files(folder)? {
            find(&name, &bytes, &secrets)?;
            files += 1;
        }
    }
    ensure!(files > 10, "only {files} files were searched in {produced:?}");
    let logs = transcripts::files(&world.state().join("logs"))?;
    let debug = logs.values().any(|(log, _)| String::from_utf8_lossy(log).contains("DEBUG"));
    ensure!(debug, "the logs do not tell all: {:?}", logs.keys());
    ensure!(transcripts::count(&server.bucket_folder("calls"))? == 2, "the run did not do its work");
    Ok(())
}

/// A program in ffmpeg's place that tells its arguments and environment, then does what ffmpeg does. Gives the pipe in which it
/// tells so: a decoder may write no file.
fn spying_ffmpeg(folder: &Path) -> anyhow::Result<File> {
    std::fs::create_dir(folder)?;
    let (program, pipe) = (folder.join("ffmpeg"), folder.join("seen"));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).context("no pipe")?;
    let real = audio::fetched("bin/ffmpeg")?;
    let (shown, real) = (pipe.display(), real.display());
    let script = format!("#!/bin/sh\n{{ echo \"$@\"; env; }} >'{shown}'\nexec '{real}' \"$@\"\n");
    std::fs::write(&program, script)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    // Also for writing, so that neither end waits for the other.
    Ok(File::options().read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open(pipe)?)
}

/// What is in a pipe.
fn told(mut pipe: &File) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match pipe.read_to_end(&mut bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => Err(error.into()),
        Ok(_) | Err(_) => Ok(bytes),
    }
}
