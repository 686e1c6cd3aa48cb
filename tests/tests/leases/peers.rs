//! What the peers get wrong: each a named test. Those about heartbeats are the worker's.

use std::collections::BTreeSet;

use anyhow::Result;
use redis::cmd;
use steno_shared::ids::WorkerId;
use steno_shared::leases::{ClaimRequest, Completed, FailClass, LeaseError, LeaseLimits};
use steno_tests::lease_world::{LONG_MS, LeaseWorld, SHARD, batch_meta, claim_request, items};
use steno_tests::redis_server::RedisOptions;
use steno_tests::wait::until;

/// rediswq: reclaim was left as a TODO. Also the lost node that is never replaced: its leases alone bring its work back.
#[tokio::test]
async fn what_a_vanished_worker_held_is_finished_by_another() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(3)).await?;
    let request = ClaimRequest { lease_ms: 1, ..claim_request(&WorkerId::new("vanishes"), 2) };
    assert_eq!(world.leases.claim(SHARD, &request).await?.leases.len(), 2);
    let other = WorkerId::new("stays");
    until("the other to finish all three", async || {
        for lease in world.claim(&other, 3).await.ok()?.leases {
            world.leases.complete(SHARD, &lease.id, lease.epoch, "d").await.ok()?;
        }
        (world.leases.counts(SHARD).await.ok()?.done == 3).then_some(())
    })
    .await;
    world.check()
}

/// rediswq: workers loop for ever. The answers to a claim and to `idle` let every worker end.
#[tokio::test]
async fn workers_end_when_the_batch_is_drained() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(40)).await?;
    let mut workers = Vec::new();
    for index in 0..4 {
        let (leases, me) = (world.leases.clone(), WorkerId::new(&format!("local-{index}")));
        workers.push(tokio::spawn(async move {
            loop {
                let request = claim_request(&me, 1);
                if let Some(lease) = leases.claim(SHARD, &request).await?.leases.pop() {
                    leases.busy(&me).await?;
                    leases.complete(SHARD, &lease.id, lease.epoch, "d").await?;
                    continue;
                }
                let live = leases.counts(SHARD).await?.live();
                if leases.idle(&me, LONG_MS, live).await?.decision
                    == steno_shared::leases::IdleDecision::Leave
                {
                    return anyhow::Ok(());
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for worker in workers {
        tokio::time::timeout(std::time::Duration::from_secs(30), worker).await???;
    }
    assert_eq!(world.leases.counts(SHARD).await?.done, 40);
    world.check()
}

/// asynq, apalis: deadlines by client clocks. No call sends a time at all, so a wrong clock changes nothing.
#[tokio::test]
async fn no_call_sends_a_clients_time() -> Result<()> {
    let world = LeaseWorld::with(
        RedisOptions {
            args: vec!["--slowlog-log-slower-than".into(), "0".into()],
            ..RedisOptions::default()
        },
        1,
        &LeaseLimits::default(),
    )
    .await?;
    world.leases.enqueue(SHARD, &items(4)).await?;
    let a = WorkerId::from_text("a");
    let held = world.claim(&a, 4).await?.leases;
    world.leases.renew(SHARD, &a, &[(held[0].id.clone(), held[0].epoch)], LONG_MS).await?;
    world.leases.complete(SHARD, &held[0].id, held[0].epoch, "d").await?;
    world.leases.fail(SHARD, &held[1].id, held[1].epoch, FailClass::Retry, "e").await?;
    world.leases.fail(SHARD, &held[2].id, held[2].epoch, FailClass::Poison, "e").await?;
    world.leases.release(SHARD, &held[3].id, held[3].epoch).await?;
    world.leases.requeue(SHARD, &[held[2].id.clone()]).await?;
    world.leases.idle(&a, LONG_MS, 1).await?;
    world.leases.counts(SHARD).await?;
    let epochs: BTreeSet<u64> = held.iter().map(|lease| lease.epoch.0).collect();
    let log: Vec<(u64, u64, u64, Vec<String>, String, String)> =
        cmd("SLOWLOG").arg("GET").arg(1000).query(&mut world.raw()?)?;
    let scripts: Vec<_> =
        log.iter().map(|entry| &entry.3).filter(|args| args[0].starts_with("EVAL")).collect();
    assert!(scripts.len() >= 11, "the log has {} scripts", scripts.len());
    for args in scripts {
        for number in args.iter().filter_map(|arg| arg.parse::<u64>().ok()) {
            let is_time = (1_500_000_000..2_500_000_000).contains(&number)
                || (1_500_000_000_000..2_500_000_000_000).contains(&number);
            assert!(!is_time || epochs.contains(&number), "a client's time in {args:?}");
        }
    }
    world.check()
}

/// asynq: a leased item with no deadline is lost for good.
#[tokio::test]
async fn every_leased_item_has_a_deadline() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(5)).await?;
    let a = WorkerId::from_text("a");
    for lease_ms in [0, 3_600_001, u64::MAX] {
        let request = ClaimRequest { lease_ms, ..claim_request(&a, 1) };
        assert!(matches!(world.leases.claim(SHARD, &request).await, Err(LeaseError::Config { .. })));
        assert!(matches!(world.leases.renew(SHARD, &a, &[], lease_ms).await, Err(LeaseError::Config { .. })));
    }
    let held = world.claim(&a, 3).await?.leases;
    let now = world.server_ms()?;
    let deadlines = &world.raw_shard()?.sets[&'l'];
    for lease in &held {
        let deadline = deadlines[lease.id.as_str()];
        assert!(deadline >= now as f64 && deadline <= (now + LONG_MS) as f64);
    }
    world.check()
}

/// What nearly always happens is done in few commands: each costs as much as the rest of a short script.
#[tokio::test]
async fn a_first_claim_and_its_completion_take_fifteen_commands() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(20)).await?;
    // Whatever is counted once: loading the scripts, the connection.
    let a = WorkerId::from_text("a");
    let lease = world.claim_one(&a).await?;
    world.leases.complete(SHARD, &lease.id, lease.epoch, "d").await?;
    cmd("CONFIG").arg("RESETSTAT").exec(&mut world.raw()?)?;
    for _ in 0..10 {
        let lease = world.claim_one(&a).await?;
        assert_eq!(world.leases.complete(SHARD, &lease.id, lease.epoch, "d").await?, Completed::Done);
    }
    let stats: String = cmd("INFO").arg("commandstats").query(&mut world.raw()?)?;
    let calls = stats.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        // Of scripts alone: not what asks for them, nor this test's own.
        let own = ["evalsha", "config", "client", "info", "hello", "select", "ping"];
        if own.iter().any(|own| name.starts_with(own)) {
            None
        } else {
            rest.split(',').next()?.parse::<u32>().ok()
        }
    });
    assert_eq!(calls.sum::<u32>(), 150, "{stats}");
    world.check()
}

/// BullMQ, Redis's own example: O(n) scans on reclaim. The number of commands that a claim runs does not depend on
/// how many items there are, nor, past its bound, on how many leases have expired.
#[tokio::test]
async fn reclaim_is_bounded_and_no_scan() -> Result<()> {
    let mut calls = Vec::new();
    for (count, expired) in [(1_000, 1), (100_000, 1), (1_000, 64), (1_000, 640)] {
        let limits = LeaseLimits { max_lost: 9, ..LeaseLimits::default() };
        let world = LeaseWorld::with(RedisOptions::default(), 1, &limits).await?;
        world.leases.enqueue(SHARD, &items(count)).await?;
        let mut left = expired;
        while left > 0 {
            for lease in world.claim(&WorkerId::from_text("vanishes"), left.min(256)).await?.leases {
                world.let_time_pass("leased", &lease.id)?;
                left -= 1;
            }
        }
        let mut raw = world.raw()?;
        cmd("CONFIG").arg("RESETSTAT").exec(&mut raw)?;
        assert_eq!(world.claim(&WorkerId::from_text("b"), 1).await?.leases.len(), 1);
        let stats: String = cmd("INFO").arg("commandstats").query(&mut raw)?;
        let total: u64 = stats
            .lines()
            .filter_map(|line| line.split("calls=").nth(1)?.split(',').next()?.parse::<u64>().ok())
            .sum();
        assert!(!stats.contains("scan:") && !stats.contains("hgetall:"), "{stats}");
        world.check()?;
        calls.push(total);
    }
    assert_eq!(calls[0], calls[1], "commands at 1,000 and at 100,000 items");
    assert_eq!(calls[2], calls[3], "commands at 64 and at 640 expired leases");
    assert!(calls[0] < 40 && calls[3] < 300, "{calls:?}");
    Ok(())
}

/// River: a reclaim that overwrites a finished job. Neither a deadline in the past nor a stray entry in a set does.
#[tokio::test]
async fn a_finished_item_stays_finished() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    let lease = world.claim_one(&WorkerId::from_text("a")).await?;
    world.let_time_pass("leased", &lease.id)?;
    world.leases.complete(SHARD, &lease.id, lease.epoch, "d").await?;
    let before = world.raw_shard()?;
    for part in ["leased", "delayed", "ready"] {
        cmd("ZADD").arg(world.key(part)).arg(1).arg(lease.id.as_str()).exec(&mut world.raw()?)?;
        assert_eq!(world.claim(&WorkerId::from_text("b"), 5).await?.leases, [], "a stray entry in {part}");
        assert_eq!(world.raw_shard()?, before, "a stray entry in {part} is dropped and changes nothing");
    }
    world.check()
}

/// apalis: worker names as identity. Two processes of one name are two workers.
#[tokio::test]
async fn two_workers_of_one_name_are_two() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(2)).await?;
    let (first, second) = (WorkerId::new("local-0"), WorkerId::new("local-0"));
    let lease = world.claim_one(&first).await?;
    let token = [(lease.id.clone(), lease.epoch)];
    let lost = world.leases.renew(SHARD, &second, &token, LONG_MS).await?.lost;
    assert_eq!(lost, std::slice::from_ref(&lease.id));
    assert!(world.leases.renew(SHARD, &first, &token, LONG_MS).await?.lost.is_empty());
    assert_ne!(world.claim_one(&second).await?.id, lease.id);
    world.check()
}

/// semaprax: epochs that restart. A Redis that lost everything, or came back from an old file, gives out higher
/// epochs than before and takes no old one.
#[tokio::test]
async fn epochs_survive_a_lost_or_an_old_redis() -> Result<()> {
    let mut world =
        LeaseWorld::with(RedisOptions { aof: true, ..RedisOptions::default() }, 1, &LeaseLimits::default())
            .await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    let a = WorkerId::from_text("a");
    let before = world.claim_one(&a).await?;
    world.leases.release(SHARD, &before.id, before.epoch).await?;

    // The file of now; then a lease that the file does not know.
    world.server.kill()?;
    let (data, old) = (world.server.data(), world.server.data().with_extension("old"));
    copy_folder(&data, &old)?;
    world.server.restart()?;
    let forgotten = world.claim_one(&a).await?;
    world.server.kill()?;
    std::fs::remove_dir_all(&data)?;
    std::fs::rename(&old, &data)?;
    world.server.restart()?;
    assert!(matches!(
        world.leases.complete(SHARD, &forgotten.id, forgotten.epoch, "d").await?,
        Completed::Superseded(Some(_))
    ));
    let now = world.claim_one(&WorkerId::from_text("b")).await?;
    assert!(now.epoch > forgotten.epoch, "{} after {}", now.epoch, forgotten.epoch);
    assert!(matches!(
        world.leases.complete(SHARD, &forgotten.id, forgotten.epoch, "d").await?,
        Completed::Superseded(Some(_))
    ));

    cmd("FLUSHALL").exec(&mut world.raw()?)?;
    assert!(matches!(
        world.leases.complete(SHARD, &now.id, now.epoch, "d").await,
        Err(LeaseError::NoBatch { .. })
    ));
    world.leases.create_batch(&batch_meta(&world.batch, 1), &LeaseLimits::default()).await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    assert!(matches!(
        world.leases.complete(SHARD, &now.id, now.epoch, "d").await?,
        Completed::Superseded(Some(_))
    ));
    assert!(world.claim_one(&a).await?.epoch > now.epoch);

    // A server whose clock is behind: epochs still grow.
    let id = items(1)[0].id.clone();
    let record: String = cmd("HGET").arg(world.key("items")).arg(id.as_str()).query(&mut world.raw()?)?;
    let epoch = record.split('|').nth(2).unwrap_or_default().to_owned();
    let ahead = record.replace(&epoch, "9000000000000");
    cmd("HSET").arg(world.key("items")).arg(id.as_str()).arg(ahead).exec(&mut world.raw()?)?;
    world.let_time_pass("leased", &id)?;
    assert_eq!(world.claim_one(&a).await?.epoch.0, 9_000_000_000_001);
    world.check()
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Celery: hours-long visibility timeouts that run long jobs twice. A lease is short and renewed: however long the
/// work takes, nobody else gets it; and when the worker is gone, it is free after the last lease, not after hours.
#[tokio::test]
async fn long_work_is_renewed_and_never_run_twice() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    let (a, b) = (WorkerId::from_text("a"), WorkerId::from_text("b"));
    let lease = world.claim_one(&a).await?;
    for _ in 0..20 {
        // All but over; then the renewal.
        let soon = world.server_ms()? + 60_000;
        cmd("ZADD")
            .arg(world.key("leased"))
            .arg("XX")
            .arg(soon)
            .arg(lease.id.as_str())
            .exec(&mut world.raw()?)?;
        assert_eq!(world.claim(&b, 1).await?.leases, []);
        assert!(
            world.leases.renew(SHARD, &a, &[(lease.id.clone(), lease.epoch)], LONG_MS).await?.lost.is_empty()
        );
    }
    assert_eq!(world.leases.complete(SHARD, &lease.id, lease.epoch, "d").await?, Completed::Done);
    assert_eq!(world.row(&lease.id).await?.attempts, 1);
    world.check()
}
