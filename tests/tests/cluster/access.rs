//! An installation with a Redis and people of one's own, and who is told at its end.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use steno_tests::condition;
use steno_tests::steno::Steno;

use super::world::{World, gpu_nodes, kubectl, reviewed};

const PASSWORD: &str = "a-password-of-ones-own";
/// Prints the body of each request on port 8080, a line each. Of the first it says that it cannot take it now.
const RECEIVER: &str = r#"
use IO::Socket::INET; $| = 1;
my $server = IO::Socket::INET->new(LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die;
my @answers = ("503 Service Unavailable");
while (my $client = $server->accept) {
    my ($length, $seen) = (0, 0);
    while (<$client>) { $seen = 1; $length = $1 if /^content-length: (\d+)/i; last if /^\r?$/ }
    next unless $seen;
    read($client, my $body, $length);
    print "$body\n";
    my $answer = shift @answers || "204 No Content";
    print $client "HTTP/1.1 $answer\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
}"#;

/// A kubeconfig for a service account of the namespace that has no rights but those that it is given.
fn kubeconfig_of(world: &World, account: &str, folder: &Path) -> Result<String> {
    world.kubectl(&["create", "serviceaccount", account])?;
    let token = world.kubectl(&["create", "token", account])?;
    let mut config: Value =
        serde_json::from_str(&kubectl(&["config", "view", "--raw", "--minify", "--output=json"])?)?;
    let user = config["contexts"][0]["context"]["user"].clone();
    config["users"] = json!([{"name": user, "user": {"token": token.trim()}}]);
    let path = folder.join(account);
    std::fs::write(&path, config.to_string())?;
    Ok(path.to_string_lossy().into_owned())
}

/// Whoever is named in `users` can do all that the commands do, and nobody else can; Redis may be the user's own, with its own
/// password; the webhook and the command of `--after-drain` are told when the batch is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_people_and_a_webhook_of_ones_own() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::without_steno(&[]).await?;
    world.serve("hook", "steno-worker", &["perl", "-e", RECEIVER], 8080)?;
    world.serve("cache", "steno-redis-test", &["redis-server", "--requirepass", PASSWORD], 6379)?;
    let (hook, redis) = (world.expose("hook", 8080)?, world.expose("cache", 6379)?);
    let entry = |who: &str| format!("--from-literal={who}-password={PASSWORD}");
    world.kubectl(&["create", "secret", "generic", "own-redis", &entry("coordinator"), &entry("worker")])?;
    let folder = tempfile::tempdir()?;
    let ana = kubeconfig_of(&world, "ana", folder.path())?;
    let ben = kubeconfig_of(&world, "ben", folder.path())?;
    let url = format!("redis.external.url=redis://{redis}");
    let webhook = format!("afterDrain.webhook=http://{hook}/over?token=secret-of-the-hook");
    let people = format!("users[0].namespace={}", world.namespace);
    world.install(&[
        &url,
        "redis.existingSecret=own-redis",
        &webhook,
        "users[0].kind=ServiceAccount",
        "users[0].name=ana",
        &people,
        // Its addresses are nodes', behind which a policy sees pods of other ports.
        "networkPolicy.enabled=false",
    ])?;
    let by = |kubeconfig: &str, arguments: &[&str]| -> Result<Steno> {
        Ok(world.steno(arguments)?.envs([("KUBECONFIG", kubeconfig)]))
    };
    let recordings = world.record(&[6; 6]).await?;
    let client = world.client().await;
    let garbage = aws_sdk_s3::primitives::ByteStream::from_static(b"no recording");
    client.put_object().bucket("calls").key("in/garbage.mp3").body(garbage).send().await?;

    let as_ben = [("KUBECONFIG", ben.as_str())];
    for refused in [world.submission(nodes)?.envs(as_ben), by(&ben, &["status"])?, by(&ben, &["cancel"])?] {
        let refused = refused.run()?.expect(3)?;
        ensure!(refused.stderr.contains("ask whoever runs the cluster for that right"), "{}", refused.stderr);
    }
    let doctor = by(&ben, &["doctor"])?.run()?.expect(3)?;
    ensure!(doctor.stdout.contains("add you to `users` in the chart's values"), "{}", doctor.stdout);
    let doctor = by(&ana, &["doctor"])?.run()?.expect(0)?;
    ensure!(doctor.stdout.contains("ok    rights: you may do all"), "{}", doctor.stdout);
    ensure!(doctor.stdout.contains("ok    Redis from here: redis://"), "{}", doctor.stdout);
    world.submission(nodes)?.envs([("KUBECONFIG", ana.as_str())]).run()?.expect(0)?;
    let told = folder.path().join("told");
    let command = format!("echo $STENO_BATCH $STENO_PHASE >> {}", told.display());
    let said = World::to_its_end(by(&ana, &["watch", "--after-drain", &command])?, 1)?;
    insta::assert_snapshot!(reviewed(&said));
    let batch = world.status()?["batch"].as_str().context("no batch")?.to_owned();
    ensure!(std::fs::read_to_string(&told)? == format!("{batch} finished\n"));
    let outcome = json!({
        "batch": batch, "phase": "finished", "input": "s3://calls/in", "output": "s3://calls/out",
        "done": 6, "failed": 1, "left": 0,
    });
    // Twice: it was not taken at first.
    let heard = |times: usize| {
        condition::until_so("the webhook is told", || {
            let said = world.kubectl(&["logs", "hook"])?;
            let bodies: Vec<Value> = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
            ensure!(bodies.iter().all(|body| *body == outcome), "{bodies:?}");
            Ok(bodies.len() == times)
        })
    };
    heard(2)?;
    let failed = by(&ana, &["items", "--failed"])?.run()?.expect(0)?;
    ensure!(failed.stdout.contains("garbage.mp3"), "{}", failed.stdout);
    by(&ana, &["requeue", "--all"])?.run()?.expect(0)?;
    World::to_its_end(by(&ana, &["watch"])?, 1)?;
    heard(3)?;
    by(&ana, &["cancel"])?.run()?.expect(0)?;
    by(&ana, &["delete", &batch])?.run()?.expect(0)?;
    client.delete_object().bucket("calls").key("in/garbage.mp3").send().await?;
    world.check_transcripts(&recordings).await?;
    for (object, wanted) in [("secret/objectstore-creds", "no"), ("secret/own-redis", "yes")] {
        let may = world.may("ana", "get", object)?;
        ensure!(may == wanted, "ana and {object}: {may}");
    }
    // One that nobody takes is told in the log, without its address.
    world.kubectl(&["delete", "pod", "hook", "--grace-period=1"])?;
    world.submission(nodes)?.run()?.expect(0)?;
    world.watch(0)?;
    let these = "--selector=app.kubernetes.io/component=coordinator";
    let mut log = String::new();
    condition::until_so("the coordinator gives up telling", || {
        log = world.kubectl(&["logs", these, "--tail=-1"])?;
        Ok(log.contains("webhook.not_told"))
    })?;
    for secret in ["secret-of-the-hook", PASSWORD, steno_tests::s3_server::SECRET_KEY] {
        ensure!(!log.contains(secret), "{secret} is in the log: {log}");
    }
    world.passed()
}
