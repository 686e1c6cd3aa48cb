//! What the users of Redis may do: a worker's the protocol, on its own batch, and nothing else.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use redis::{Connection, RedisError, cmd};
use steno_shared::ids::{BatchId, WorkerId};
use steno_shared::leases::{
    ClaimRequest, Completed, FailClass, LeaseError, LeaseLimits, Leases, RedisConfig, WorkerReport,
    worker_rules, worker_user,
};
use steno_tests::condition;
use steno_tests::lease_world::{LONG_MS, LeaseWorld, SHARD, batch_meta, claim_request, items};
use steno_tests::redis_server::RedisOptions;

const PASSWORD: &str = "planted-worker-password";

/// The rules of the chart's user of the coordinator, who comes with this password.
fn coordinator_rules() -> Result<Vec<String>> {
    let chart = include_str!("../../../deploy/helm/steno/files/users.acl");
    let line = chart.lines().find_map(|line| line.strip_prefix("user steno ")).context("no coordinator")?;
    let rules = line.split_whitespace().map(|rule| match rule {
        "#COORDINATOR_SHA256" => format!(">{PASSWORD}"),
        rule => rule.to_owned(),
    });
    Ok(rules.collect())
}

/// How somebody reaches the server by the password of these tests.
fn as_user(world: &LeaseWorld, user: &str) -> RedisConfig {
    let url = format!("{}?user={user}", world.server.url());
    RedisConfig { password: Some(PASSWORD.to_owned()), ..RedisConfig::new(url) }
}

/// The leases of the batch as the chart's coordinator has them.
async fn coordinator(world: &LeaseWorld) -> Result<Leases> {
    let mut set = cmd("ACL");
    set.arg("SETUSER").arg("steno").arg("reset").arg(coordinator_rules()?).exec(&mut world.raw()?)?;
    Ok(Leases::connect(&as_user(world, "steno"), &world.batch).await?)
}

fn claim_of(worker: &WorkerId) -> ClaimRequest {
    claim_request(worker, 4)
}

/// What a worker does, in all its ways.
async fn work(world: &LeaseWorld, leases: &Leases) -> Result<()> {
    let worker = WorkerId::from_text("worker-0");
    world.leases.enqueue(SHARD, &items(4)).await?;
    ensure!(leases.meta().await?.is_some(), "the batch's settings");
    ensure!(leases.counts(SHARD).await?.ready == 4 && leases.all_counts(1).await?.len() == 1, "counts");
    let claimed = leases.claim(SHARD, &claim_of(&worker)).await?.leases;
    ensure!(claimed.len() == 4, "claimed {}", claimed.len());
    let held: Vec<_> = claimed.iter().map(|lease| (lease.id.clone(), lease.epoch)).collect();
    ensure!(leases.renew(SHARD, &worker, &held, LONG_MS).await?.lost.is_empty(), "renewed");
    leases.complete(SHARD, &held[0].0, held[0].1, "digest").await?;
    leases.fail(SHARD, &held[1].0, held[1].1, FailClass::Retry, "once").await?;
    leases.fail(SHARD, &held[2].0, held[2].1, FailClass::Poison, "for good").await?;
    leases.release(SHARD, &held[3].0, held[3].1).await?;
    leases.report_worker(&WorkerReport::idle(worker.clone(), 0), LONG_MS).await?;
    ensure!(leases.workers().await?.len() == 1, "the workers");
    leases.idle(&worker, LONG_MS, 1).await?;
    ensure!(leases.idle_workers().await? == 1, "the idle ones");
    leases.busy(&worker).await?;
    Ok(())
}

fn refused(name: &str, answer: std::result::Result<redis::Value, RedisError>) -> Result<()> {
    let words =
        ["NOPERM", "has no permissions", "can't run this command", "can't access at least one of the keys"];
    match answer {
        Err(error) if words.iter().any(|words| error.to_string().contains(words)) => Ok(()),
        other => anyhow::bail!("{name} was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_worker_s_user_does_its_work_and_nothing_else() -> Result<()> {
    let world = LeaseWorld::new().await?;
    // Its name begins with the first one's.
    let other: BatchId = format!("{}-b", world.batch).parse()?;
    let their_items = format!("steno:{{{other}:0}}:items");
    let others = Leases::connect(&world.server.config(), &other).await?;
    others.create_batch(&batch_meta(&other, 1), &LeaseLimits::default()).await?;
    others.enqueue(SHARD, &items(1)).await?;
    let coordinator = coordinator(&world).await?;
    coordinator.admit_workers(PASSWORD).await?;
    coordinator.admit_workers(PASSWORD).await?;
    let user = worker_user(&world.batch);
    let config = as_user(&world, &user);
    let leases = Leases::connect(&config, &world.batch).await?;
    work(&world, &leases).await?;
    world.check()?;

    // Of another batch it learns nothing, and takes nothing.
    let foreign = Leases::connect(&config, &other).await?;
    let worker = WorkerId::from_text("worker-0");
    let held = others.claim(SHARD, &claim_of(&worker)).await?.leases.pop().context("nothing to claim")?;
    let token = [(held.id.clone(), held.epoch)];
    let (id, epoch) = &token[0];
    for (what, error) in [
        ("claim", foreign.claim(SHARD, &claim_of(&worker)).await.err()),
        ("renew", foreign.renew(SHARD, &worker, &token, LONG_MS).await.err()),
        ("complete", foreign.complete(SHARD, id, *epoch, "digest").await.err()),
        ("fail", foreign.fail(SHARD, id, *epoch, FailClass::Poison, "theirs").await.err()),
        ("release", foreign.release(SHARD, id, *epoch).await.err()),
        ("report_worker", foreign.report_worker(&WorkerReport::idle(worker.clone(), 0), LONG_MS).await.err()),
        ("idle", foreign.idle(&worker, LONG_MS, 1).await.err()),
        ("meta", foreign.meta().await.err()),
        ("counts", foreign.counts(SHARD).await.err()),
        ("items", foreign.items(SHARD, None, None).await.err()),
        ("enqueue", foreign.enqueue(SHARD, &items(2)).await.err()),
        ("requeue", foreign.requeue(SHARD, std::slice::from_ref(id)).await.err()),
        ("forget", foreign.forget(SHARD, std::slice::from_ref(id)).await.err()),
        ("cancel", foreign.cancel(SHARD).await.err()),
        ("reopen", foreign.reopen(SHARD).await.err()),
        ("create", foreign.create_batch(&batch_meta(&other, 1), &LeaseLimits::default()).await.err()),
        ("delete", foreign.delete_batch().await.err()),
        ("delete its own", leases.delete_batch().await.err()),
    ] {
        let error = error.with_context(|| format!("{what} was allowed"))?;
        ensure!(matches!(error, LeaseError::Refused { .. }), "{what}: {error}");
    }

    let mut raw: Connection = world.raw()?;
    cmd("AUTH").arg(&user).arg(PASSWORD).exec(&mut raw)?;
    let own = world.key("items");
    for (name, arguments) in [
        ("FLUSHALL", vec![]),
        ("FLUSHDB", vec![]),
        ("CONFIG", vec!["GET", "*"]),
        ("KEYS", vec!["*"]),
        ("SCAN", vec!["0"]),
        ("ACL", vec!["LIST"]),
        ("DEL", vec![own.as_str()]),
        ("SCRIPT", vec!["FLUSH"]),
        ("SHUTDOWN", vec!["NOSAVE"]),
        ("DEBUG", vec!["SLEEP", "0"]),
        ("MONITOR", vec![]),
        ("SUBSCRIBE", vec!["all"]),
        ("REPLICAOF", vec!["127.0.0.1", "1"]),
        ("EVAL", vec!["return 1", "0"]),
        ("HGET", vec![their_items.as_str(), "x"]),
        ("SET", vec!["elsewhere", "x"]),
    ] {
        refused(name, cmd(name).arg(arguments).query(&mut raw))?;
    }
    // A script of its own may not either, whether it names its keys or not.
    let theirs = format!("return redis.call('HGETALL', '{their_items}')");
    for text in [theirs.as_str(), "return redis.call('FLUSHALL')"] {
        let sha: String = cmd("SCRIPT").arg("LOAD").arg(text).query(&mut raw)?;
        refused(text, cmd("EVALSHA").arg(sha).arg(0).query(&mut raw))?;
    }
    let read: String = cmd("SCRIPT").arg("LOAD").arg("return redis.call('HLEN', KEYS[1])").query(&mut raw)?;
    refused("a key", cmd("EVALSHA").arg(&read).arg(1).arg(&their_items).query(&mut raw))?;
    ensure!(others.counts(SHARD).await?.leased == 1, "the other batch was touched");
    ensure!(others.complete(SHARD, id, *epoch, "digest").await? == Completed::Done, "its lease was touched");
    Ok(())
}

/// The coordinator's user does all that the coordinator does, and reads and empties nothing but Steno's keys.
#[tokio::test]
async fn the_coordinator_s_user_lets_workers_in_and_sends_them_away() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let coordinator = coordinator(&world).await?;
    work(&world, &coordinator).await?;
    coordinator.admit_workers(PASSWORD).await?;
    let config = as_user(&world, &worker_user(&world.batch));
    let worker = Leases::connect(&config, &world.batch).await?;
    let wrong = RedisConfig { password: Some("another".to_owned()), ..config.clone() };
    let mut raw: Connection = world.raw()?;
    cmd("AUTH").arg("steno").arg(PASSWORD).exec(&mut raw)?;
    for (name, arguments) in [
        ("FLUSHALL", vec![]),
        ("KEYS", vec!["*"]),
        ("CONFIG", vec!["GET", "*"]),
        ("SET", vec!["elsewhere", "x"]),
    ] {
        refused(name, cmd(name).arg(arguments).query(&mut raw))?;
    }
    coordinator.items(SHARD, None, None).await?;
    coordinator.delete_batch().await?;
    coordinator.dismiss_workers().await?;
    coordinator.dismiss_workers().await?;
    for (what, refused) in [
        ("a wrong password", Leases::connect(&wrong, &world.batch).await.err()),
        ("a user that was sent away", Leases::connect(&config, &world.batch).await.err()),
        ("its connection", worker.meta().await.err()),
    ] {
        let error = refused.with_context(|| format!("{what} was let in"))?;
        ensure!(matches!(error, LeaseError::Refused { .. }), "{what}: {error}");
    }
    Ok(())
}

/// Redis forgets users that are in no file of its own when it restarts. Until the coordinator has let them in again, workers wait
/// as for a server that is away, where they know that somebody will; others are told at once.
#[tokio::test(flavor = "multi_thread")]
async fn workers_wait_to_be_let_in_again_when_redis_has_restarted() -> Result<()> {
    let options = RedisOptions { aof: true, ..RedisOptions::default() };
    let mut world = LeaseWorld::with(options, 1, &LeaseLimits::default()).await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    world.leases.admit_workers(PASSWORD).await?;
    let impatient = as_user(&world, &worker_user(&world.batch));
    let patient = RedisConfig { awaits_user: true, ..impatient.clone() };
    let leases = Leases::connect(&patient, &world.batch).await?;
    world.server.restart()?;

    let refused = Leases::connect(&impatient, &world.batch).await.err().context("nobody has let it in")?;
    ensure!(matches!(refused, LeaseError::Refused { .. }), "{refused}");
    cmd("ACL").arg("LOG").arg("RESET").exec(&mut world.raw()?)?;
    let request = claim_of(&WorkerId::from_text("worker-0"));
    let claiming = tokio::spawn(async move { leases.claim(SHARD, &request).await });
    let mut raw = world.raw()?;
    condition::until_so("the worker was refused twice", || {
        let log: Vec<BTreeMap<String, redis::Value>> = cmd("ACL").arg("LOG").query(&mut raw)?;
        let times = log.iter().filter_map(|entry| match entry.get("count") {
            Some(redis::Value::Int(times)) => Some(*times),
            Some(_) | None => None,
        });
        Ok(times.sum::<i64>() > 1)
    })?;
    ensure!(!claiming.is_finished(), "it has given up");
    world.leases.admit_workers(PASSWORD).await?;
    ensure!(claiming.await??.leases.len() == 1, "nothing was claimed");

    // What it may not do is no matter of waiting.
    let leases = Leases::connect(&patient, &world.batch).await?;
    let refused = leases.delete_batch().await.err().context("it may delete the batch")?;
    ensure!(matches!(refused, LeaseError::Refused { .. }), "{refused}");
    world.check()
}

/// Whoever makes the users of a Redis of their own copies the rules from docs/leases.md.
#[test]
fn the_rules_that_are_documented_are_those_that_the_coordinator_gives() -> Result<()> {
    let batch: BatchId = "batch".parse()?;
    let rules = worker_rules(&batch).join(" ").replace("batch", "BATCH").replace(" on ", " on >PASSWORD ");
    let line = format!("ACL SETUSER worker {rules}");
    let is_there = include_str!("../../../docs/leases.md").lines().any(|text| text == line);
    ensure!(is_there, "docs/leases.md has no\n{line}");
    Ok(())
}

/// One user for the workers of all batches, as in a Redis of the user's own: the limit that SECURITY.md tells, and what holds all
/// the same.
#[tokio::test]
async fn a_user_of_all_batches_reaches_all_of_them_and_nothing_else() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let rules = worker_rules(&world.batch).into_iter().filter(|rule| !rule.starts_with('~'));
    let further = ["~steno:*".to_owned(), format!(">{PASSWORD}")];
    let mut set = cmd("ACL");
    set.arg("SETUSER").arg("workers").arg(rules.collect::<Vec<_>>()).arg(&further).exec(&mut world.raw()?)?;
    let config = as_user(&world, "workers");
    let leases = Leases::connect(&config, &world.batch).await?;
    work(&world, &leases).await?;
    let other: BatchId = "other".parse()?;
    let others = Leases::connect(&world.server.config(), &other).await?;
    others.create_batch(&batch_meta(&other, 1), &LeaseLimits::default()).await?;
    let foreign = Leases::connect(&config, &other).await?;
    ensure!(
        foreign.meta().await?.is_some(),
        "if this is refused, SECURITY.md and docs/leases.md say too little"
    );
    let refused_to_delete = foreign.delete_batch().await.err().context("it may delete another batch")?;
    ensure!(matches!(refused_to_delete, LeaseError::Refused { .. }), "{refused_to_delete}");
    let mut raw: Connection = world.raw()?;
    cmd("AUTH").arg("workers").arg(PASSWORD).exec(&mut raw)?;
    for (name, arguments) in [
        ("FLUSHALL", vec![]),
        ("KEYS", vec!["*"]),
        ("SCAN", vec!["0"]),
        ("ACL", vec!["LIST"]),
        ("SET", vec!["elsewhere", "x"]),
    ] {
        refused(name, cmd(name).arg(arguments).query(&mut raw))?;
    }
    world.check()
}

#[tokio::test]
async fn a_worker_s_user_of_a_cluster_needs_the_map_of_slots_too() -> Result<()> {
    let world = LeaseWorld::on_cluster(&LeaseLimits::default()).await?;
    let further = [format!(">{PASSWORD}"), "+cluster|slots".to_owned()];
    let rules = [worker_rules(&world.batch), further.to_vec()].concat();
    for server in world.beside.iter().chain([&world.server]) {
        cmd("ACL").arg("SETUSER").arg("worker").arg(&rules).exec(&mut server.connection()?)?;
    }
    let port: String =
        cmd("CONFIG").arg("GET").arg("port").query::<Vec<String>>(&mut world.raw()?)?.swap_remove(1);
    let url = format!("redis+cluster://worker@127.0.0.1:{port}");
    let config = RedisConfig { password: Some(PASSWORD.to_owned()), ..RedisConfig::new(url) };
    let leases = Leases::connect(&config, &world.batch).await?;
    work(&world, &leases).await?;
    let refused = leases.delete_batch().await.err().context("it may delete the batch")?;
    ensure!(matches!(refused, LeaseError::Refused { .. }), "{refused}");
    world.check()
}
