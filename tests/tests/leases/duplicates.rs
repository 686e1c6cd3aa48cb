//! Duplicate delivery: every script run twice with the same arguments; the second run changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use redis::{Value, cmd};
use steno_shared::ids::{BatchId, WorkerId};
use steno_shared::leases::{
    Completed, Created, FailClass, Failed, LeaseLimits, Leases, Released, WorkerReport,
};
use steno_tests::lease_invariants::RawShard;
use steno_tests::lease_world::{LONG_MS, LeaseWorld, SHARD, batch_meta, claim_request, items};

/// Whether the times in sorted sets, which a repetition may move, are a part of what is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Times {
    Compared,
    PassedOver,
}

/// All keys of the server, and what they hold.
fn everything(world: &LeaseWorld, times: Times) -> Result<BTreeMap<String, Value>> {
    let mut raw = world.raw()?;
    let mut all = BTreeMap::new();
    for key in cmd("KEYS").arg("*").query::<Vec<String>>(&mut raw)? {
        let kind: String = cmd("TYPE").arg(&key).query(&mut raw)?;
        let value = match kind.as_str() {
            "string" => cmd("GET").arg(&key).query(&mut raw)?,
            // As Redis orders it, which the same fields set again do not change.
            "hash" => cmd("HGETALL").arg(&key).query(&mut raw)?,
            _ if times == Times::PassedOver => cmd("ZRANGE").arg(&key).arg(0).arg(-1).query(&mut raw)?,
            _ => cmd("ZRANGE").arg(&key).arg(0).arg(-1).arg("WITHSCORES").query(&mut raw)?,
        };
        all.insert(key, value);
    }
    Ok(all)
}

/// Runs a call twice: it must change something, then nothing; gives both answers.
async fn twice<T>(world: &LeaseWorld, call: impl AsyncFn() -> Result<T>) -> Result<(T, T)> {
    twice_but(world, Times::Compared, call).await
}

async fn twice_but<T>(world: &LeaseWorld, times: Times, call: impl AsyncFn() -> Result<T>) -> Result<(T, T)> {
    let before = everything(world, times)?;
    let first = call().await?;
    let between = everything(world, times)?;
    assert_ne!(before, between, "the first call must change something");
    let second = call().await?;
    assert_eq!(between, everything(world, times)?, "the second call must change nothing");
    world.check()?;
    Ok((first, second))
}

#[tokio::test]
async fn the_second_of_two_equal_calls_changes_nothing() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let leases = &world.leases;
    let all = items(7);
    twice(&world, async || Ok(leases.enqueue(SHARD, &all).await?)).await?;
    let request = claim_request(&WorkerId::from_text("a"), 6);
    let (first, second) = twice(&world, async || Ok(leases.claim(SHARD, &request).await?)).await?;
    let tokens = |claim: &steno_shared::leases::Claim| -> Vec<_> {
        claim.leases.iter().map(|lease| (lease.id.clone(), lease.epoch)).collect()
    };
    assert_eq!(tokens(&first), tokens(&second));
    let held = first.leases;

    let done =
        twice(&world, async || Ok(leases.complete(SHARD, &held[0].id, held[0].epoch, "d").await?)).await?;
    assert_eq!(done, (Completed::Done, Completed::Again));
    let call = async || Ok(leases.fail(SHARD, &held[1].id, held[1].epoch, FailClass::Retry, "e").await?);
    let (first, second) = twice(&world, call).await?;
    let (Failed::Delayed { ms: first }, Failed::Delayed { ms: second }) = (&first, &second) else {
        panic!("{first:?}, {second:?}")
    };
    assert!(second <= first, "the same due time, nearer");
    let call = async || Ok(leases.fail(SHARD, &held[2].id, held[2].epoch, FailClass::Poison, "e").await?);
    assert_eq!(twice(&world, call).await?, (Failed::Dead, Failed::Dead));
    let call = async || Ok(leases.release(SHARD, &held[3].id, held[3].epoch).await?);
    assert_eq!(twice(&world, call).await?, (Released::Ready, Released::Again));
    let ids = [held[2].id.clone()];
    assert_eq!(twice(&world, async || Ok(leases.requeue(SHARD, &ids).await?)).await?, (1, 0));

    // The same after the lease was lost: what came too late, twice.
    world.let_time_pass("leased", &held[4].id)?;
    world.let_time_pass("leased", &held[5].id)?;
    world.claim(&WorkerId::from_text("b"), 0).await?;
    let call = async || Ok(leases.release(SHARD, &held[4].id, held[4].epoch).await?);
    assert_eq!(twice(&world, call).await?, (Released::Ready, Released::Again));
    let call = async || Ok(leases.fail(SHARD, &held[5].id, held[5].epoch, FailClass::Retry, "e").await?);
    twice(&world, call).await?;
    Ok(())
}

#[tokio::test]
async fn what_users_and_the_coordinator_say_twice_counts_once() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let leases = &world.leases;
    let all = items(3);
    leases.enqueue(SHARD, &all).await?;

    // `create_batch.lua` and `init_shard.lua`, the second time with other limits.
    let other: BatchId = "other".parse()?;
    let others = Leases::connect(&world.server.config(), &other).await?;
    let meta = batch_meta(&other, 2);
    let limits = LeaseLimits::default();
    let created = twice(&world, async || Ok(others.create_batch(&meta, &limits).await?)).await?;
    assert_eq!(created, (Created::New, Created::Same));
    let there = everything(&world, Times::Compared)?;
    let stricter = LeaseLimits { max_fails: 1, ..limits };
    assert_eq!(others.create_batch(&meta, &stricter).await?, Created::Same);
    let created = others.create_batch(&batch_meta(&other, 1), &limits).await?;
    assert_eq!(created, Created::Different(Box::new(meta)));
    assert_eq!(
        everything(&world, Times::Compared)?,
        there,
        "an existing batch stays as it is, its limits too"
    );

    assert_eq!(twice(&world, async || Ok(leases.cancel(SHARD).await?)).await?, (true, false));
    assert_eq!(twice(&world, async || Ok(leases.reopen(SHARD).await?)).await?, (true, false));
    let ids = [all[0].id.clone()];
    assert_eq!(twice(&world, async || Ok(leases.forget(SHARD, &ids).await?)).await?, (1, 0));
    // A done one, which is in no set and counted.
    let held = world.claim_one(&WorkerId::from_text("a")).await?;
    leases.complete(SHARD, &held.id, held.epoch, "d").await?;
    let ids = [held.id];
    assert_eq!(twice(&world, async || Ok(leases.forget(SHARD, &ids).await?)).await?, (1, 0));

    let minute = Duration::from_secs(60);
    let taken = twice(&world, async || Ok(leases.take_run("1", "one", minute).await?)).await?;
    assert_eq!(taken, (None, None));
    let there = everything(&world, Times::Compared)?;
    assert_eq!(leases.take_run("2", "two", minute).await?.as_deref(), Some("one"));
    leases.give_up_run("2").await?;
    assert_eq!(everything(&world, Times::Compared)?, there, "it is another run's");
    twice(&world, async || Ok(leases.give_up_run("1").await?)).await?;
    Ok(())
}

#[tokio::test]
async fn what_workers_say_of_themselves_twice_moves_only_when_it_is_forgotten() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let leases = &world.leases;
    let a = WorkerId::from_text("a");
    let report = WorkerReport::idle(a.clone(), 0);
    let call = async || Ok(leases.report_worker(&report, LONG_MS).await?);
    twice_but(&world, Times::PassedOver, call).await?;
    assert_eq!(leases.workers().await?, [report]);
    let call = async || Ok(leases.idle(&a, LONG_MS, 1).await?);
    let (first, second) = twice_but(&world, Times::PassedOver, call).await?;
    assert_eq!(first, second);
    assert_eq!(leases.idle_workers().await?, 1);
    // With nothing left to wait for it may go, once and again.
    let call = async || Ok(leases.idle(&a, LONG_MS, 0).await?);
    let (first, second) = twice_but(&world, Times::PassedOver, call).await?;
    assert_eq!(first, second);
    leases.idle(&a, LONG_MS, 1).await?;
    twice(&world, async || Ok(leases.busy(&a).await?)).await?;
    Ok(())
}

#[tokio::test]
async fn a_renewal_repeated_moves_only_the_deadline() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(3)).await?;
    let a = WorkerId::from_text("a");
    let held: Vec<_> =
        world.claim(&a, 2).await?.leases.into_iter().map(|lease| (lease.id, lease.epoch)).collect();
    let without_deadlines = |mut raw: RawShard| {
        raw.sets.values_mut().flat_map(|set| set.values_mut()).for_each(|score| *score = 0.0);
        raw
    };
    let first = world.leases.renew(SHARD, &a, &held, LONG_MS).await?;
    let between = without_deadlines(world.raw_shard()?);
    assert_eq!(world.leases.renew(SHARD, &a, &held, LONG_MS).await?, first);
    assert_eq!(without_deadlines(world.raw_shard()?), between);
    world.check()
}

#[tokio::test]
async fn late_repeats_change_nothing_after_the_item_has_moved_on() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    let first = world.claim_one(&WorkerId::from_text("a")).await?;
    world.leases.release(SHARD, &first.id, first.epoch).await?;
    let second = world.claim_one(&WorkerId::from_text("b")).await?;
    let before = world.raw_shard()?;
    assert!(matches!(
        world.leases.release(SHARD, &first.id, first.epoch).await?,
        Released::Superseded(Some(_))
    ));
    assert!(matches!(
        world.leases.fail(SHARD, &first.id, first.epoch, FailClass::Poison, "e").await?,
        Failed::Superseded(Some(_))
    ));
    assert_eq!(world.raw_shard()?, before);
    // One epoch ends once: who released cannot fail as well, nor the other way round.
    world.leases.release(SHARD, &second.id, second.epoch).await?;
    let answer = world.leases.fail(SHARD, &second.id, second.epoch, FailClass::Poison, "e").await?;
    assert!(matches!(answer, Failed::Superseded(Some(_))));
    world.check()
}
