//! What a worker's user of Redis may do: the protocol, on its own batch, and nothing else.

use anyhow::{Context as _, Result, ensure};
use redis::{Connection, RedisError, cmd};
use steno_shared::ids::{BatchId, WorkerId};
use steno_shared::leases::{
    ClaimRequest, Completed, FailClass, LeaseError, LeaseLimits, Leases, RedisConfig, WorkerReport,
};
use steno_tests::lease_world::{LONG_MS, LeaseWorld, SHARD, batch_meta, claim_request, items};

const PASSWORD: &str = "planted-worker-password";

/// The rules of the chart's user of workers, who works on all batches of an installation.
fn chart_rules() -> Result<Vec<String>> {
    let chart = include_str!("../../../deploy/helm/steno/files/users.acl");
    let line =
        chart.lines().find_map(|line| line.strip_prefix("user worker ")).context("no user for workers")?;
    let rules = line.split_whitespace().map(|rule| match rule {
        "#WORKER_SHA256" => format!(">{PASSWORD}"),
        rule => rule.to_owned(),
    });
    Ok(rules.collect())
}

/// The same for the keys of one batch.
fn rules(batch: &BatchId) -> Result<Vec<String>> {
    let own = [format!("~steno:{{{batch}}}:*"), format!("~steno:{{{batch}:*")];
    let rules = chart_rules()?.into_iter().flat_map(|rule| match rule.as_str() {
        "~steno:*" => own.to_vec(),
        _ => vec![rule],
    });
    Ok(rules.collect())
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
    let other: BatchId = "other".parse()?;
    let others = Leases::connect(&world.server.config(), &other).await?;
    others.create_batch(&batch_meta(&other, 1), &LeaseLimits::default()).await?;
    others.enqueue(SHARD, &items(1)).await?;
    let mut set = cmd("ACL");
    set.arg("SETUSER").arg("worker").arg("reset").arg(rules(&world.batch)?).exec(&mut world.raw()?)?;

    let url = format!("{}?user=worker", world.server.url());
    let config = RedisConfig { password: Some(PASSWORD.to_owned()), ..RedisConfig::new(&url) };
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
        ("delete", foreign.delete_batch().await.err()),
        ("delete its own", leases.delete_batch().await.err()),
    ] {
        let error = error.with_context(|| format!("{what} was allowed"))?;
        ensure!(matches!(error, LeaseError::Refused { .. }), "{what}: {error}");
    }

    let mut raw: Connection = redis::Client::open(url.as_str())?.get_connection()?;
    ensure!(cmd("GET").arg("steno:{other}:meta").query::<String>(&mut raw).is_err(), "without a password");
    cmd("AUTH").arg("worker").arg(PASSWORD).exec(&mut raw)?;
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
        ("HGET", vec!["steno:{other:0}:items", "x"]),
        ("SET", vec!["elsewhere", "x"]),
    ] {
        refused(name, cmd(name).arg(arguments).query(&mut raw))?;
    }
    // A script of its own may not either, whether it names its keys or not.
    for text in ["return redis.call('HGETALL', 'steno:{other:0}:items')", "return redis.call('FLUSHALL')"] {
        let sha: String = cmd("SCRIPT").arg("LOAD").arg(text).query(&mut raw)?;
        refused(text, cmd("EVALSHA").arg(sha).arg(0).query(&mut raw))?;
    }
    let read: String = cmd("SCRIPT").arg("LOAD").arg("return redis.call('HLEN', KEYS[1])").query(&mut raw)?;
    refused("a key", cmd("EVALSHA").arg(&read).arg(1).arg("steno:{other:0}:items").query(&mut raw))?;
    ensure!(others.counts(SHARD).await?.leased == 1, "the other batch was touched");
    ensure!(others.complete(SHARD, id, *epoch, "digest").await? == Completed::Done, "its lease was touched");
    Ok(())
}

/// One user for the workers of all batches, as an installation has it: the limit that SECURITY.md tells, and what holds all the same.
#[tokio::test]
async fn the_chart_s_user_of_workers_reaches_all_batches_and_nothing_else() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let mut set = cmd("ACL");
    set.arg("SETUSER").arg("worker").arg("reset").arg(chart_rules()?).exec(&mut world.raw()?)?;
    let url = format!("{}?user=worker", world.server.url());
    let config = RedisConfig { password: Some(PASSWORD.to_owned()), ..RedisConfig::new(&url) };
    let leases = Leases::connect(&config, &world.batch).await?;
    work(&world, &leases).await?;
    let other: BatchId = "other".parse()?;
    Leases::connect(&world.server.config(), &other)
        .await?
        .create_batch(&batch_meta(&other, 1), &LeaseLimits::default())
        .await?;
    let foreign = Leases::connect(&config, &other).await?;
    ensure!(
        foreign.meta().await?.is_some(),
        "if this is refused, SECURITY.md and docs/leases.md say too little"
    );
    let refused_to_delete = foreign.delete_batch().await.err().context("it may delete another batch")?;
    ensure!(matches!(refused_to_delete, LeaseError::Refused { .. }), "{refused_to_delete}");

    let mut raw: Connection = redis::Client::open(url.as_str())?.get_connection()?;
    cmd("AUTH").arg("worker").arg(PASSWORD).exec(&mut raw)?;
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
    let rules = [rules(&world.batch)?, vec!["+cluster|slots".to_owned()]].concat();
    for server in world.beside.iter().chain([&world.server]) {
        cmd("ACL").arg("SETUSER").arg("worker").arg("reset").arg(&rules).exec(&mut server.connection()?)?;
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
