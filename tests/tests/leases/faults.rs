//! Redis away, hanging, full, locked or unfit.

use std::str::FromStr as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use redis::cmd;
use steno_shared::ids::{BatchId, WorkerId};
use steno_shared::leases::{
    Completed, FailClass, Failed, LeaseError, LeaseLimits, Leases, RedisConfig, Released, WorkerReport,
};
use steno_tests::lease_world::{LONG_MS, LeaseWorld, SHARD, batch_meta, claim_request, item, items};
use steno_tests::redis_server::{RedisOptions, RedisServer, full_disk_for_redis};

#[tokio::test]
async fn calls_go_through_a_killed_and_restarted_redis_and_nothing_is_lost() -> Result<()> {
    let mut world =
        LeaseWorld::with(RedisOptions { aof: true, ..RedisOptions::default() }, 1, &LeaseLimits::default())
            .await?;
    world.leases.enqueue(SHARD, &items(5)).await?;
    let a = WorkerId::from_text("a");
    let lease = world.claim_one(&a).await?;
    world.server.kill()?;
    let (leases, id, epoch) = (world.leases.clone(), lease.id.clone(), lease.epoch);
    let completing = tokio::spawn(async move { leases.complete(SHARD, &id, epoch, "d").await });
    tokio::task::yield_now().await;
    world.server.restart()?;
    assert_eq!(completing.await??, Completed::Done);
    let counts = world.leases.counts(SHARD).await?;
    assert_eq!((counts.done, counts.ready), (1, 4));
    world.check()
}

#[tokio::test]
async fn redis_away_is_reported_after_the_budget_and_not_before() -> Result<()> {
    let mut world = LeaseWorld::new().await?;
    world.server.kill()?;
    let budget = Duration::from_millis(400);
    let error = world.leases.clone().with_retry_budget(budget).counts(SHARD).await.unwrap_err();
    assert!(matches!(&error, LeaseError::Unavailable { .. }) && error.is_retryable(), "{error}");
    assert!(error.to_string().contains("count shard 0 of batch night-2026"), "{error}");
    let error = Leases::connect_within(&world.server.config(), &world.batch, budget).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    Ok(())
}

/// The answer is lost, the grant is not: redis-rs times a response out, the server serves the request all the same.
#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_answered_again_with_the_same_lease() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(5)).await?;
    world.claim(&WorkerId::from_text("warm"), 1).await?;
    let request = claim_request(&WorkerId::from_text("a"), 1);
    world.server.pause()?;
    let impatient = world.leases.clone().with_retry_budget(Duration::from_millis(200));
    let error = impatient.claim(SHARD, &request).await.unwrap_err();
    assert!(matches!(error, LeaseError::Unavailable { .. }), "{error}");
    world.server.resume()?;
    steno_tests::wait::until("the server to serve the abandoned request", async || {
        (world.leases.counts(SHARD).await.ok()?.leased == 2).then_some(())
    })
    .await;
    let claim = world.leases.claim(SHARD, &request).await?;
    assert_eq!(claim.leases.len(), 1);
    assert_eq!(world.leases.counts(SHARD).await?.leased, 2, "not one more");
    world.check()
}

#[tokio::test]
async fn a_redis_that_forgot_the_scripts_is_taught_again() -> Result<()> {
    let world = LeaseWorld::with(RedisOptions::default(), 3, &LeaseLimits::default()).await?;
    world.leases.enqueue(SHARD, &items(2)).await?;
    cmd("SCRIPT").arg("FLUSH").exec(&mut world.raw()?)?;
    assert_eq!(world.leases.all_counts(3).await?[0].ready, 2);
    cmd("SCRIPT").arg("FLUSH").exec(&mut world.raw()?)?;
    assert_eq!(world.claim(&WorkerId::from_text("a"), 9).await?.leases.len(), 2);
    world.check()
}

#[tokio::test]
async fn a_full_redis_takes_nothing_new_but_lets_work_end() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(300)).await?;
    let a = WorkerId::from_text("a");
    let held = world.claim(&a, 4).await?.leases;
    cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").exec(&mut world.raw()?)?;
    let error = world.leases.enqueue(SHARD, &[item("one more", 1.0)]).await.unwrap_err();
    assert!(matches!(error, LeaseError::OutOfMemory { .. }) && !error.is_retryable(), "{error}");
    assert!(error.to_string().contains("maxmemory"), "{error}");
    let tokens: Vec<_> = held.iter().map(|lease| (lease.id.clone(), lease.epoch)).collect();
    assert!(world.leases.renew(SHARD, &a, &tokens, LONG_MS).await?.lost.is_empty());
    assert_eq!(world.leases.complete(SHARD, &held[0].id, held[0].epoch, "d").await?, Completed::Done);
    let failed = world.leases.fail(SHARD, &held[1].id, held[1].epoch, FailClass::Retry, "e").await?;
    assert!(matches!(failed, Failed::Delayed { .. }));
    assert_eq!(world.leases.release(SHARD, &held[2].id, held[2].epoch).await?, Released::Ready);
    assert_eq!(world.claim(&a, 1).await?.leases.len(), 1);
    let failed = world.leases.fail(SHARD, &held[3].id, held[3].epoch, FailClass::Poison, "e").await?;
    assert_eq!(failed, Failed::Dead);
    // What a user and the coordinator do passes as well; only what makes something new does not.
    let dead = [held[3].id.clone()];
    assert_eq!(world.leases.requeue(SHARD, &dead).await?, 1);
    assert_eq!(world.leases.forget(SHARD, &dead).await?, 1);
    assert!(world.leases.cancel(SHARD).await? && !world.leases.cancel(SHARD).await?);
    assert!(world.claim(&a, 1).await?.leases.is_empty(), "cancelled, and claimed");
    assert!(world.leases.reopen(SHARD).await?);
    let run = async |run: &str| world.leases.take_run(run, run, Duration::from_secs(60)).await;
    assert_eq!((run("first").await?, run("first").await?), (None, None));
    assert_eq!(run("second").await?.as_deref(), Some("first"));
    world.leases.give_up_run("first").await?;
    assert_eq!(run("second").await?, None);
    world.leases.idle(&a, LONG_MS, 1).await?;
    world.leases.busy(&a).await?;
    let other: BatchId = "other".parse()?;
    let others = Leases::connect(&world.server.config(), &other).await?;
    for (what, refused) in [
        ("create_batch", others.create_batch(&batch_meta(&other, 1), &LeaseLimits::default()).await.err()),
        ("report_worker", world.leases.report_worker(&WorkerReport::idle(a.clone(), 0), LONG_MS).await.err()),
    ] {
        assert!(matches!(refused, Some(LeaseError::OutOfMemory { .. })), "{what}: {refused:?}");
    }
    world.check()
}

#[tokio::test]
async fn a_redis_whose_disk_is_full_is_reported_at_once_with_a_remedy() -> Result<()> {
    let disk = tempfile::tempdir()?;
    full_disk_for_redis(disk.path())?;
    let dir = disk.path().display().to_string();
    let args =
        ["--dir", &dir, "--appendonly", "yes", "--appendfsync", "everysec"].map(str::to_owned).to_vec();
    let server = RedisServer::start(RedisOptions { args, ..RedisOptions::default() })?;
    let leases = Leases::connect(&server.config(), &BatchId::from_str("night-2026")?).await?;
    // The write that finds the disk full is still answered; those after it are refused.
    cmd("SET").arg("any").arg("thing").exec(&mut server.connection()?)?;
    let by_a_command = leases.busy(&WorkerId::from_text("a")).await.unwrap_err();
    let meta = batch_meta(&BatchId::from_str("night-2026")?, 1);
    let by_a_script = leases.create_batch(&meta, &LeaseLimits::default()).await.unwrap_err();
    for error in [by_a_command, by_a_script] {
        assert!(matches!(error, LeaseError::DiskFailed { .. }) && !error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains("free some space where Redis keeps its data"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn unfit_servers_and_addresses_are_refused_with_a_remedy() -> Result<()> {
    let server = RedisServer::start(RedisOptions::default())?;
    let batch = "b".parse()?;
    let connect = async |config: &RedisConfig| {
        Leases::connect_within(config, &batch, Duration::from_millis(300)).await.map(|_| ()).unwrap_err()
    };
    cmd("CONFIG").arg("SET").arg("maxmemory-policy").arg("allkeys-lru").exec(&mut server.connection()?)?;
    let error = connect(&server.config()).await;
    assert!(error.to_string().contains("set `maxmemory-policy noeviction`"), "{error}");
    assert!(matches!(error, LeaseError::Config { .. }));

    let url = "nonsense".to_owned();
    let error = connect(&RedisConfig::new(url)).await;
    assert!(matches!(error, LeaseError::Config { .. }), "{error:?}");

    let args = vec!["--requirepass".to_owned(), "secret".to_owned()];
    let locked = RedisServer::start(RedisOptions { args, ..RedisOptions::default() })?;
    for url in [locked.url(), format!("{}?pass=wrong", locked.url())] {
        let error = connect(&RedisConfig::new(url)).await;
        assert!(matches!(error, LeaseError::Refused { .. }), "{error:?}");
        assert!(!error.to_string().contains("wrong"), "a password in a message: {error}");
    }
    let url = format!("{}?pass=secret", locked.url());
    let leases = Leases::connect(&RedisConfig::new(url), &batch).await?;
    assert!(!format!("{leases:?}").contains("secret"));
    // As a pod is told: the address in a file, the password beside it.
    let beside = RedisConfig { password: Some("secret".to_owned()), ..locked.config() };
    Leases::connect(&beside, &batch).await?;
    let wrong = RedisConfig { password: Some("wrong".to_owned()), ..locked.config() };
    assert!(matches!(connect(&wrong).await, LeaseError::Refused { .. }));
    Ok(())
}

#[tokio::test]
async fn a_record_that_makes_no_sense_is_named_and_left_alone() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    let id = &items(1)[0].id;
    cmd("HSET").arg(world.key("items")).arg(id.as_str()).arg("nonsense").exec(&mut world.raw()?)?;
    let before = world.raw_shard()?;
    let error = world.claim(&WorkerId::from_text("a"), 1).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(LeaseError::Corrupt { .. })), "{error:?}");
    assert!(error.to_string().contains(id.as_str()), "{error}");
    assert_eq!(world.raw_shard()?, before);
    Ok(())
}

/// A node that vanishes leaves half-open connections, which only keepalive finds where nothing is asked.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_are_kept_alive() -> Result<()> {
    let port = steno_tests::s3_server::free_port()?;
    let args = ["--port", &port.to_string()].map(str::to_owned).to_vec();
    let _server = RedisServer::start(RedisOptions { args, ..RedisOptions::default() })?;
    let batch: BatchId = "kept-alive".parse()?;
    let leases = Leases::connect(&RedisConfig::new(format!("redis://127.0.0.1:{port}")), &batch).await?;
    ensure!(leases.meta().await?.is_none());
    // Of each connection: addresses, state (1: established), and its timer (2: keepalive).
    let peer = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/self/net/tcp")?;
    let ours = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_ours = fields.get(2)?.ends_with(&peer) && *fields.get(3)? == "01";
        is_ours.then(|| fields.get(5).copied().unwrap_or_default().to_owned())
    });
    let timers: Vec<String> = ours.collect();
    ensure!(!timers.is_empty() && timers.iter().all(|timer| timer.starts_with("02:")), "{timers:?}\n{table}");
    Ok(())
}
