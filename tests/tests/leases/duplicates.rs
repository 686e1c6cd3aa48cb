//! Duplicate delivery: every script run twice with the same arguments; the second run changes nothing.

use anyhow::Result;
use steno_shared::ids::WorkerId;
use steno_shared::leases::{ClaimRequest, Completed, FailClass, Failed, Released, RequestId};
use steno_tests::lease_invariants::RawShard;
use steno_tests::lease_world::{LONG_MS, LeaseWorld, SHARD, items};

/// Runs a call twice: it must change something, then nothing; gives both answers.
async fn twice<T>(world: &LeaseWorld, call: impl AsyncFn() -> Result<T>) -> Result<(T, T)> {
    let before = world.raw_shard()?;
    let first = call().await?;
    let between = world.raw_shard()?;
    assert_ne!(before, between, "the first call must change something");
    let second = call().await?;
    assert_eq!(between, world.raw_shard()?, "the second call must change nothing");
    world.check()?;
    Ok((first, second))
}

#[tokio::test]
async fn the_second_of_two_equal_calls_changes_nothing() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let leases = &world.leases;
    let all = items(7);
    twice(&world, async || Ok(leases.enqueue(SHARD, &all).await?)).await?;
    let request = ClaimRequest {
        request_id: RequestId::random(),
        worker: WorkerId::from_text("a"),
        count: 6,
        lease_ms: LONG_MS,
        alone: true,
        longest_ms: None,
    };
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
