//! Each transition, with the states before and after.

use anyhow::{Context as _, Result};
use redis::cmd;
use steno_shared::ids::{Epoch, ShardId, WorkerId};
use steno_shared::leases::{
    BatchState, ClaimRequest, Completed, Created, Current, FailClass, Failed, IdleDecision, ItemState,
    LeaseError, LeaseLimits, NewItem, Phase, Released, Together, WorkerReport,
};
use steno_tests::lease_world::{LONG_MS, LeaseWorld, SHARD, batch_meta, claim_request, item, items};
use steno_tests::redis_server::RedisOptions;

fn worker(name: &str) -> WorkerId {
    WorkerId::from_text(name)
}

#[tokio::test]
async fn a_batch_is_created_once_and_its_settings_stay() -> Result<()> {
    let world = LeaseWorld::with(RedisOptions::default(), 3, &LeaseLimits::default()).await?;
    let meta = batch_meta(&world.batch, 3);
    assert_eq!(world.leases.meta().await?, Some(meta.clone()));
    let generous = LeaseLimits { max_fails: 99, ..LeaseLimits::default() };
    assert_eq!(world.leases.create_batch(&meta, &generous).await?, Created::Same);
    let other = batch_meta(&world.batch, 4);
    assert_eq!(world.leases.create_batch(&other, &generous).await?, Created::Different(Box::new(meta)));
    let fails: u32 = cmd("HGET").arg(world.key("meta")).arg("max_fails").query(&mut world.raw()?)?;
    assert_eq!(fails, 3, "an existing shard keeps its limits");

    // A creator that died before its last shard is finished by the next.
    cmd("DEL").arg(world.key("meta")).exec(&mut world.raw()?)?;
    assert!(matches!(world.leases.counts(SHARD).await, Err(LeaseError::NoBatch { .. })));
    assert_eq!(world.leases.create_batch(&batch_meta(&world.batch, 3), &generous).await?, Created::Same);
    world.leases.counts(SHARD).await?;
    world.check()
}

#[tokio::test]
async fn enqueue_skips_what_it_knows_in_every_state() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let all = items(1200);
    let first = world.leases.enqueue(SHARD, &all).await?;
    assert_eq!((first.added, first.known), (1200, 0));
    let held = world.claim(&worker("a"), 4).await?.leases;
    world.leases.complete(SHARD, &held[0].id, held[0].epoch, "d").await?;
    world.leases.fail(SHARD, &held[1].id, held[1].epoch, FailClass::Retry, "e").await?;
    world.leases.fail(SHARD, &held[2].id, held[2].epoch, FailClass::Poison, "e").await?;
    let before = world.raw_shard()?;
    let again = world.leases.enqueue(SHARD, &all).await?;
    assert_eq!((again.added, again.known), (0, 1200));
    assert_eq!(world.raw_shard()?, before, "replaying a manifest changes nothing");
    world.check()
}

#[tokio::test]
async fn the_longest_is_claimed_first_with_an_epoch_of_the_servers_clock() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let hostile = item("x\n|\"é\u{1}../", 2.5004);
    let all = [item("short", 1.0), hostile.clone(), item("long", 7200.0), item("none", f64::NAN)];
    world.leases.enqueue(SHARD, &all).await?;
    let now = world.server_ms()?;
    let leases = world.claim(&worker("a"), 3).await?.leases;
    let names: Vec<_> = leases.iter().map(|lease| lease.recording.name.as_str()).collect();
    assert_eq!(names, ["long", hostile.recording.name.as_str(), "short"]);
    assert!(leases.iter().all(|lease| lease.epoch.0 >= now && lease.attempt == 1 && lease.fails == 0));
    assert!(leases.iter().all(|lease| lease.deadline_ms_left == LONG_MS));
    assert!((leases[1].recording.seconds - 2.5).abs() < 1e-9, "to the millisecond");
    assert_eq!(leases[1].recording.etag, hostile.recording.etag);
    let rest = world.claim(&worker("b"), 9).await?;
    assert_eq!(rest.leases.len(), 1);
    assert!(rest.next_due_ms.is_some_and(|ms| ms <= LONG_MS), "the held items may come back");
    assert_eq!(world.claim(&worker("b"), 0).await?.leases, []);
    world.check()
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_leases_as_far_as_they_are_held() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(10)).await?;
    let request = claim_request(&worker("a"), 3);
    let first = world.leases.claim(SHARD, &request).await?.leases;
    let again = world.leases.claim(SHARD, &request).await?.leases;
    let tokens = |leases: &[steno_shared::leases::Lease]| {
        leases.iter().map(|lease| (lease.id.clone(), lease.epoch, lease.attempt)).collect::<Vec<_>>()
    };
    assert_eq!(tokens(&first), tokens(&again), "the answer may have been lost: the same, not three more");
    assert_eq!(world.leases.counts(SHARD).await?.leased, 3);
    world.leases.complete(SHARD, &first[0].id, first[0].epoch, "d").await?;
    assert_eq!(tokens(&world.leases.claim(SHARD, &request).await?.leases), tokens(&first[1..]));
    // Another worker is not answered with the first one's grant, whatever its request is called.
    let other = ClaimRequest { worker: worker("b"), ..request };
    assert_eq!(world.leases.claim(SHARD, &other).await?.leases.len(), 3);
    assert_eq!(world.leases.counts(SHARD).await?.leased, 5);
    // It is remembered until the worker's next one, and no longer.
    world.claim(&worker("a"), 1).await?;
    let kept: String = cmd("HGET").arg(world.key("meta")).arg("grant:a").query(&mut world.raw()?)?;
    assert_eq!(kept.lines().count(), 2, "one request, one item: {kept:?}");
    world.check()
}

/// The first claim of an item and its completion are done at once (`claim_at_once.lua`, `complete_at_once.lua`), with the same guards.
#[tokio::test]
async fn what_is_done_at_once_is_fenced_as_well() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(4)).await?;
    let request = claim_request(&worker("a"), 1);
    let first = world.leases.claim(SHARD, &request).await?.leases.remove(0);
    let again = world.leases.claim(SHARD, &request).await?.leases.remove(0);
    assert_eq!((&first.id, first.epoch), (&again.id, again.epoch), "the same request, no second item");
    // Of another epoch, as after a Redis that came back from an old file.
    let older = LeaseWorld::older(first.epoch);
    let answer = world.leases.complete(SHARD, &first.id, older, "d").await?;
    assert!(
        matches!(answer, Completed::Superseded(Some(Current { state: ItemState::Leased, .. }))),
        "{answer:?}"
    );
    assert_eq!(world.leases.complete(SHARD, &first.id, first.epoch, "d").await?, Completed::Done);
    assert_eq!(world.leases.complete(SHARD, &first.id, first.epoch, "d").await?, Completed::Again);
    // What is due goes before what was never claimed, if it is longer; and its loss is counted.
    let lost = world.claim_one(&worker("a")).await?;
    world.let_time_pass("leased", &lost.id)?;
    let taken = world.claim_one(&worker("b")).await?;
    assert_eq!((&taken.id, taken.lost, taken.attempt), (&lost.id, 1, 2));
    world.leases.fail(SHARD, &taken.id, taken.epoch, FailClass::Retry, "e").await?;
    world.let_time_pass("delayed", &taken.id)?;
    let waited = world.claim_one(&worker("b")).await?;
    assert_eq!((&waited.id, waited.fails), (&lost.id, 1));
    world.leases.cancel(SHARD).await?;
    let none = world.claim(&worker("c"), 1).await?;
    assert_eq!(
        (none.batch, none.leases.len()),
        (BatchState::Cancelled, 0),
        "a cancelled batch hands out nothing"
    );
    world.check()
}

#[tokio::test]
async fn renew_moves_deadlines_and_names_what_is_lost() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(3)).await?;
    let a = worker("a");
    let held = world.claim(&a, 3).await?.leases;
    world.let_time_pass("leased", &held[0].id)?;
    world.leases.complete(SHARD, &held[1].id, held[1].epoch, "d").await?;
    let tokens: Vec<_> = held.iter().map(|lease| (lease.id.clone(), lease.epoch)).collect();
    let renewal = world.leases.renew(SHARD, &a, &tokens, LONG_MS).await?;
    assert_eq!(renewal.lost, [held[1].id.clone()], "past its deadline but nobody's yet: still held");
    assert!(!renewal.drain);
    assert_eq!(world.leases.counts(SHARD).await?.expired, 0);
    let stale = [(held[0].id.clone(), LeaseWorld::older(held[0].epoch)), ("unknown".into_id(), Epoch(7))];
    assert_eq!(world.leases.renew(SHARD, &a, &stale, LONG_MS).await?.lost.len(), 2);
    assert_eq!(world.leases.renew(SHARD, &worker("b"), &tokens[2..], LONG_MS).await?.lost.len(), 1);
    world.check()
}

trait IntoId {
    fn into_id(self) -> steno_shared::ids::ItemId;
}
impl IntoId for &str {
    fn into_id(self) -> steno_shared::ids::ItemId {
        steno_shared::ids::ItemId::from_text(self)
    }
}

#[tokio::test]
async fn complete_holds_while_the_epoch_is_current_wherever_the_item_has_got_to() -> Result<()> {
    let limits = LeaseLimits { max_lost: 2, ..LeaseLimits::default() };
    let world = LeaseWorld::with(RedisOptions::default(), 1, &limits).await?;
    world.leases.enqueue(SHARD, &items(4)).await?;
    let a = worker("a");
    // Past the deadline, nobody has looked.
    let lease = world.claim_one(&a).await?;
    world.let_time_pass("leased", &lease.id)?;
    assert_eq!(world.leases.complete(SHARD, &lease.id, lease.epoch, "d1").await?, Completed::Done);
    // Taken back, not claimed since.
    let lease = world.claim_one(&a).await?;
    world.let_time_pass("leased", &lease.id)?;
    world.claim(&a, 0).await?;
    assert_eq!(world.row(&lease.id).await?.state, ItemState::Ready);
    assert_eq!(world.leases.complete(SHARD, &lease.id, lease.epoch, "d2").await?, Completed::Done);
    // Dead, since its worker seemed to have vanished twice.
    let mut lease = world.claim_one(&a).await?;
    world.let_time_pass("leased", &lease.id)?;
    lease = world.claim_one(&a).await?;
    world.let_time_pass("leased", &lease.id)?;
    world.claim(&a, 0).await?;
    assert_eq!(world.row(&lease.id).await?.state, ItemState::Dead);
    assert_eq!(world.leases.complete(SHARD, &lease.id, lease.epoch, "d3").await?, Completed::Done);
    assert_eq!(world.row(&lease.id).await?.digest.as_deref(), Some("d3"));
    // Claimed by another meanwhile: superseded, and the other's lease is untouched.
    let old = world.claim_one(&a).await?;
    world.let_time_pass("leased", &old.id)?;
    let new = world.claim_one(&worker("b")).await?;
    assert!(new.id == old.id && new.epoch > old.epoch);
    let current = Current { state: ItemState::Leased, epoch: Some(new.epoch), owner: Some(worker("b")) };
    let answer = world.leases.complete(SHARD, &old.id, old.epoch, "d4").await?;
    assert_eq!(answer, Completed::Superseded(Some(current)));
    assert_eq!(world.leases.complete(SHARD, &new.id, new.epoch, "d5").await?, Completed::Done);
    // Finished by another: superseded, unless it published the same.
    assert_eq!(world.leases.complete(SHARD, &old.id, old.epoch, "d5").await?, Completed::Again);
    assert!(matches!(
        world.leases.complete(SHARD, &old.id, old.epoch, "d4").await?,
        Completed::Superseded(Some(Current { state: ItemState::Done, .. }))
    ));
    let unknown = "nobody".into_id();
    assert_eq!(world.leases.complete(SHARD, &unknown, Epoch(1), "d").await?, Completed::Superseded(None));
    world.check()
}

/// A store that was away fails many at once: they are not to come back at once.
#[tokio::test]
async fn what_failed_at_one_moment_comes_back_spread() -> Result<()> {
    let limits = LeaseLimits { backoff_base_ms: 10_000, ..LeaseLimits::default() };
    let world = LeaseWorld::with(RedisOptions::default(), 1, &limits).await?;
    world.leases.enqueue(SHARD, &items(20)).await?;
    let mut waits = Vec::new();
    for lease in world.claim(&worker("a"), 20).await?.leases {
        let answer = world.leases.fail(SHARD, &lease.id, lease.epoch, FailClass::Retry, "away").await?;
        let Failed::Delayed { ms } = answer else { panic!("{answer:?}") };
        waits.push(ms);
    }
    waits.sort_unstable();
    assert!(waits.len() == 20 && waits[0] >= 5_000 && waits[19] <= 10_000, "{waits:?}");
    assert!(waits[19] - waits[0] > 2_000, "all within {} ms: {waits:?}", waits[19] - waits[0]);
    Ok(())
}

#[tokio::test]
async fn failures_wait_longer_each_time_and_end_among_the_dead() -> Result<()> {
    let limits =
        LeaseLimits { max_fails: 4, backoff_base_ms: 1000, backoff_cap_ms: 3000, ..LeaseLimits::default() };
    let world = LeaseWorld::with(RedisOptions::default(), 1, &limits).await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    for (attempt, longest) in [(1, 1000), (2, 2000), (3, 3000)] {
        let lease = world.claim_one(&worker("a")).await?;
        assert_eq!((lease.attempt, lease.fails), (attempt, attempt - 1));
        let answer = world.leases.fail(SHARD, &lease.id, lease.epoch, FailClass::Retry, "a|b\nc").await?;
        let Failed::Delayed { ms } = answer else { panic!("{answer:?}") };
        assert!(ms >= longest / 2 && ms <= longest, "wait {ms} of at most {longest}");
        let row = world.row(&lease.id).await?;
        assert_eq!((row.state, row.error.as_deref()), (ItemState::Delayed, Some("a b c")));
        let claim = world.claim(&worker("a"), 1).await?;
        assert!(claim.leases.is_empty() && claim.next_due_ms.is_some_and(|due| due <= ms));
        world.let_time_pass("delayed", &lease.id)?;
        assert_eq!(world.leases.counts(SHARD).await?.due, 1);
    }
    let lease = world.claim_one(&worker("a")).await?;
    assert_eq!(
        world.leases.fail(SHARD, &lease.id, lease.epoch, FailClass::Retry, "the last").await?,
        Failed::Dead
    );
    let row = world.row(&lease.id).await?;
    assert_eq!(
        (row.fails, row.error_class.as_deref(), row.error.as_deref()),
        (4, Some("retry"), Some("the last"))
    );
    assert_eq!(world.claim(&worker("a"), 1).await?.next_due_ms, None);
    world.check()
}

#[tokio::test]
async fn poison_is_dead_at_once() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    let lease = world.claim_one(&worker("a")).await?;
    assert_eq!(
        world.leases.fail(SHARD, &lease.id, lease.epoch, FailClass::Poison, "no audio").await?,
        Failed::Dead
    );
    let row = world.row(&lease.id).await?;
    assert_eq!((row.state, row.error_class.as_deref()), (ItemState::Dead, Some("poison")));
    world.check()
}

#[tokio::test]
async fn a_release_costs_no_attempt_but_is_counted() -> Result<()> {
    let limits = LeaseLimits { max_released: 3, ..LeaseLimits::default() };
    let world = LeaseWorld::with(RedisOptions::default(), 1, &limits).await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    for released in 1..=2 {
        let lease = world.claim_one(&worker("a")).await?;
        assert_eq!(lease.attempt, 1);
        assert_eq!(world.leases.release(SHARD, &lease.id, lease.epoch).await?, Released::Ready);
        let row = world.row(&lease.id).await?;
        assert_eq!((row.state, row.attempts, row.released), (ItemState::Ready, 0, released));
    }
    let lease = world.claim_one(&worker("last-owner")).await?;
    assert_eq!(world.leases.release(SHARD, &lease.id, lease.epoch).await?, Released::Dead);
    let row = world.row(&lease.id).await?;
    assert_eq!((row.state, row.error_class.as_deref()), (ItemState::Dead, Some("released")));
    assert!(row.error.is_some_and(|error| error.contains("3 times") && error.contains("last-owner")));
    world.check()
}

/// One bad recording costs only itself: its neighbour, prefetched when the worker vanished, is not blamed again.
#[tokio::test]
async fn a_recording_whose_worker_vanished_is_only_given_to_a_worker_that_holds_nothing_else() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(3)).await?;
    let held = world.claim(&worker("pod-1"), 2).await?.leases;
    for lease in &held {
        world.let_time_pass("leased", &lease.id)?;
    }
    let beside = |count| ClaimRequest { alone: false, ..claim_request(&worker("pod-2"), count) };
    let other = world.leases.claim(SHARD, &beside(3)).await?.leases;
    assert_eq!(other.len(), 1, "two are suspects now");
    assert!(!other[0].is_suspect() && held.iter().all(|suspect| suspect.id != other[0].id));
    assert_eq!(world.leases.claim(SHARD, &beside(3)).await?.leases, [], "only suspects are left");
    let suspect = world.claim_one(&worker("pod-3")).await?;
    assert!(suspect.is_suspect() && suspect.id == held[0].id, "the longest of them");
    world.check()
}

#[tokio::test]
async fn a_recording_that_takes_its_worker_along_twice_is_dead_with_the_reason() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    let first = world.claim_one(&worker("pod-1")).await?;
    world.let_time_pass("leased", &first.id)?;
    let second = world.claim_one(&worker("pod-2")).await?;
    assert_eq!((second.attempt, second.lost, second.fails), (2, 1, 0));
    world.let_time_pass("leased", &second.id)?;
    assert_eq!(world.claim(&worker("pod-3"), 1).await?.leases, []);
    let row = world.row(&first.id).await?;
    assert_eq!(
        (row.state, row.lost, row.fails, row.error_class.as_deref()),
        (ItemState::Dead, 2, 0, Some("lost"))
    );
    let reason = row.error.unwrap_or_default();
    assert!(
        reason.contains("vanished twice while working on this recording, last pod-2")
            && reason.contains("give them more"),
        "{reason}"
    );
    world.check()
}

#[tokio::test]
async fn a_worker_that_comes_back_too_late_is_fenced_but_had_not_vanished() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(2)).await?;
    let a = worker("a");
    let held = world.claim(&a, 2).await?.leases;
    for lease in &held {
        world.let_time_pass("leased", &lease.id)?;
    }
    world.claim(&worker("b"), 0).await?;
    assert_eq!(world.row(&held[0].id).await?.lost, 1);
    assert_eq!(world.leases.release(SHARD, &held[0].id, held[0].epoch).await?, Released::Ready);
    assert!(matches!(
        world.leases.fail(SHARD, &held[1].id, held[1].epoch, FailClass::Retry, "e").await?,
        Failed::Delayed { .. }
    ));
    let (released, failed) = (world.row(&held[0].id).await?, world.row(&held[1].id).await?);
    assert_eq!((released.lost, released.released, released.attempts), (0, 1, 0));
    assert_eq!((failed.lost, failed.fails, failed.attempts), (0, 1, 1));
    // Claimed by another: nothing the first says matters.
    let new = world.claim_one(&worker("b")).await?;
    let before = world.raw_shard()?;
    let old = LeaseWorld::older(new.epoch);
    assert!(matches!(world.leases.release(SHARD, &new.id, old).await?, Released::Superseded(Some(_))));
    assert!(matches!(
        world.leases.fail(SHARD, &new.id, old, FailClass::Poison, "e").await?,
        Failed::Superseded(Some(_))
    ));
    assert_eq!(world.raw_shard()?, before);
    world.check()
}

#[tokio::test]
async fn requeue_keeps_history_and_epoch_and_counts_anew() -> Result<()> {
    let limits =
        LeaseLimits { max_fails: 2, backoff_base_ms: 1, backoff_cap_ms: 1, ..LeaseLimits::default() };
    let world = LeaseWorld::with(RedisOptions::default(), 1, &limits).await?;
    world.leases.enqueue(SHARD, &items(3)).await?;
    let dies = world.claim_one(&worker("a")).await?;
    world.leases.fail(SHARD, &dies.id, dies.epoch, FailClass::Poison, "bad").await?;
    let held = world.claim_one(&worker("a")).await?;
    let ids: Vec<_> = world.rows(None).await?.into_iter().map(|row| row.id).collect();
    assert_eq!(world.leases.requeue(SHARD, &ids).await?, 1, "only what is dead");
    let row = world.row(&dies.id).await?;
    assert_eq!((row.state, row.fails, row.epoch), (ItemState::Ready, 1, Some(dies.epoch)));
    assert_eq!(row.error.as_deref(), Some("bad"), "history is kept");
    assert_eq!(world.row(&held.id).await?.state, ItemState::Leased);
    let lease = world.claim_one(&worker("a")).await?;
    assert!(lease.id == dies.id && lease.epoch > dies.epoch && lease.fails == 1);
    let answer = world.leases.fail(SHARD, &lease.id, lease.epoch, FailClass::Retry, "e").await?;
    assert!(matches!(answer, Failed::Delayed { .. }), "the limit counts from the requeue: {answer:?}");
    world.check()
}

#[tokio::test]
async fn a_cancelled_batch_hands_out_nothing_and_what_is_held_may_finish() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(3)).await?;
    let a = worker("a");
    let held = world.claim(&a, 2).await?.leases;
    assert!(world.leases.cancel(SHARD).await?);
    assert!(!world.leases.cancel(SHARD).await?);
    let claim = world.claim(&a, 1).await?;
    assert_eq!((claim.batch, claim.leases.len(), claim.next_due_ms), (BatchState::Cancelled, 0, None));
    let renewal = world.leases.renew(SHARD, &a, &[(held[0].id.clone(), held[0].epoch)], LONG_MS).await?;
    assert!(renewal.drain && renewal.lost.is_empty());
    assert_eq!(world.leases.complete(SHARD, &held[0].id, held[0].epoch, "d").await?, Completed::Done);
    assert_eq!(world.leases.release(SHARD, &held[1].id, held[1].epoch).await?, Released::Ready);
    assert!(world.leases.counts(SHARD).await?.cancelled);
    assert!(world.leases.reopen(SHARD).await?);
    assert!(!world.leases.reopen(SHARD).await?);
    let claim = world.claim(&a, 9).await?;
    assert_eq!((claim.batch, claim.leases.len()), (BatchState::Running, 2));
    world.check()
}

#[tokio::test]
async fn counts_and_listings_tell_every_item() -> Result<()> {
    let world = LeaseWorld::with(RedisOptions::default(), 2, &LeaseLimits::default()).await?;
    let all = items(3000);
    world.leases.enqueue(SHARD, &all).await?;
    world.leases.enqueue(ShardId(1), &[item("other", 9.25)]).await?;
    let held = world.claim(&worker("a"), 4).await?.leases;
    world.leases.complete(SHARD, &held[0].id, held[0].epoch, "digest").await?;
    world.leases.fail(SHARD, &held[1].id, held[1].epoch, FailClass::Retry, "e").await?;
    world.leases.fail(SHARD, &held[2].id, held[2].epoch, FailClass::Poison, "e").await?;
    let counts = world.leases.all_counts(2).await?;
    assert_eq!(counts[0], world.leases.counts(SHARD).await?);
    let c = &counts[0];
    assert_eq!((c.ready, c.leased, c.delayed, c.dead, c.done, c.enqueued), (2996, 1, 1, 1, 1, 3000));
    assert_eq!(
        (c.done_ms, c.delayed_ms, c.dead_ms, c.leased_ms),
        (3_000_000, 2_999_000, 2_998_000, 2_997_000)
    );
    assert_eq!((counts[1].shard, counts[1].ready, counts[1].ready_ms), (ShardId(1), 1, 9250));
    for (state, expected) in [(Some(ItemState::Ready), 2996), (None, 3000)] {
        let mut ids: Vec<_> = world.rows(state).await?.into_iter().map(|row| row.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), expected);
    }
    let page = world.leases.items(SHARD, None, None).await?;
    assert!(page.rows.len() < 1500 && page.next.is_some(), "a page is bounded: {}", page.rows.len());
    for (state, lease) in
        [ItemState::Done, ItemState::Delayed, ItemState::Dead, ItemState::Leased].iter().zip(&held)
    {
        let rows = world.rows(Some(*state)).await?;
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (&rows[0].id, rows[0].epoch, &rows[0].recording),
            (&lease.id, Some(lease.epoch), &lease.recording)
        );
        assert_eq!(rows[0].due_in_ms.is_some(), matches!(state, ItemState::Leased | ItemState::Delayed));
    }
    world.check()
}

#[tokio::test]
async fn workers_are_present_until_they_say_nothing() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let report = |name: &str, index| WorkerReport {
        phase: Phase::Transcribing,
        recording: Some("a.mp3".into()),
        position_seconds: 1.5,
        length_seconds: 9.0,
        finished: 2,
        finished_seconds: 30.0,
        ..WorkerReport::idle(worker(name), index)
    };
    world.leases.report_worker(&report("b", 1), LONG_MS).await?;
    world.leases.report_worker(&report("a", 0), LONG_MS).await?;
    world.leases.report_worker(&report("gone", 2), 1).await?;
    steno_tests::wait::until("the silent worker to be forgotten", async || {
        (world.leases.workers().await.ok()?.len() == 2).then_some(())
    })
    .await;
    assert_eq!(world.leases.workers().await?, [report("a", 0), report("b", 1)]);
    Ok(())
}

#[tokio::test]
async fn workers_are_told_how_fast_they_are_together() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let report = |name: &str, speed, in_hand_seconds| WorkerReport {
        speed,
        in_hand_seconds,
        is_slow: in_hand_seconds == 6.0,
        ..WorkerReport::idle(worker(name), 0)
    };
    world.leases.report_worker(&report("a", 0.0, 5.0), LONG_MS).await?;
    world.leases.report_worker(&report("b", 40.0, 7.0), LONG_MS).await?;
    let together = world.leases.report_worker(&report("a", 20.5, 6.0), LONG_MS).await?;
    assert_eq!(together, Together { speed: 60.5, known: 2, in_hand_seconds: 13.0, slow: 1 });
    // One that says nothing more is not counted any more.
    world.leases.report_worker(&report("gone", 1000.0, 100.0), 1).await?;
    steno_tests::wait::until("the silent worker to be forgotten", async || {
        let together = world.leases.report_worker(&report("a", 20.5, 0.0), LONG_MS).await.ok()?;
        (together == Together { speed: 60.5, known: 2, in_hand_seconds: 7.0, slow: 0 }).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn who_wants_nothing_long_gets_the_longest_of_what_is_short_enough() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let lengths = [("a", 900.0), ("b", 60.0), ("c", 300.0), ("d", 299.9)];
    let new: Vec<NewItem> = lengths.iter().map(|(name, seconds)| item(name, *seconds)).collect();
    world.leases.enqueue(SHARD, &new).await?;
    let claim = async |longest_ms| {
        let request = ClaimRequest { longest_ms, ..claim_request(&worker("slow"), 1) };
        let claim = world.leases.claim(SHARD, &request).await?;
        anyhow::Ok(claim.leases.first().map(|lease| lease.recording.name.clone()))
    };
    for (longest_ms, expected) in [
        (Some(59_999), None),
        (Some(300_000), Some("c")),
        (Some(300_000), Some("d")),
        (None, Some("a")),
        (Some(0), None),
        (Some(60_000), Some("b")),
    ] {
        assert_eq!(claim(longest_ms).await?.as_deref(), expected, "no longer than {longest_ms:?}");
    }
    world.check()
}

#[tokio::test]
async fn idle_workers_stay_one_for_each_live_lease() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let ask = async |name: &str, live| {
        world.leases.idle(&worker(name), LONG_MS, live).await.map(|a| (a.decision, a.others_idle))
    };
    assert_eq!(ask("a", 2).await?, (IdleDecision::Stay, 0));
    assert_eq!(ask("b", 2).await?, (IdleDecision::Stay, 1));
    assert_eq!(ask("c", 2).await?, (IdleDecision::Leave, 2), "two wait for two leases");
    assert_eq!(ask("a", 2).await?, (IdleDecision::Stay, 1), "who left is not counted");
    assert_eq!(world.leases.idle_workers().await?, 2);
    world.leases.busy(&worker("a")).await?;
    assert_eq!(ask("c", 2).await?, (IdleDecision::Stay, 1), "the one that found work needs a successor");
    // Of b and c the second may go when one lease is left; nobody stays for nothing.
    assert_eq!(ask("c", 1).await?, (IdleDecision::Leave, 1));
    assert_eq!(ask("b", 1).await?, (IdleDecision::Stay, 0));
    assert_eq!(ask("b", 0).await?, (IdleDecision::Leave, 0));
    // Who died while idle is counted out.
    world.leases.idle(&worker("a"), 1, 1).await?;
    steno_tests::wait::until("the dead idle worker to be counted out", async || {
        (ask("z", 1).await.ok()? == (IdleDecision::Stay, 0)).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_deleted_batch_leaves_nothing() -> Result<()> {
    let world = LeaseWorld::with(RedisOptions::default(), 2, &LeaseLimits::default()).await?;
    world.leases.enqueue(SHARD, &items(5)).await?;
    let lease = world.claim_one(&worker("a")).await?;
    world.leases.idle(&worker("a"), LONG_MS, 1).await?;
    world.leases.delete_batch().await?;
    world.leases.delete_batch().await?;
    assert_eq!(world.leases.meta().await?, None);
    let keys: Vec<String> = cmd("KEYS").arg("*").query(&mut world.raw()?)?;
    assert!(keys.is_empty(), "{keys:?}");
    let error = world.leases.complete(SHARD, &lease.id, lease.epoch, "d").await.unwrap_err();
    assert!(matches!(error, LeaseError::NoBatch { .. }) && !error.is_retryable(), "{error}");
    Ok(())
}

#[tokio::test]
async fn another_protocol_version_is_refused_with_a_message() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    cmd("HSET").arg(world.key("meta")).arg("schema").arg("99").exec(&mut world.raw()?)?;
    let before = world.raw_shard()?;
    let request = claim_request(&worker("a"), 1);
    for error in [
        world.leases.enqueue(SHARD, &items(2)).await.unwrap_err(),
        world.leases.claim(SHARD, &request).await.unwrap_err(),
        world.leases.counts(SHARD).await.unwrap_err(),
        world.leases.release(SHARD, &items(1)[0].id, Epoch(1)).await.unwrap_err(),
        world.leases.create_batch(&batch_meta(&world.batch, 1), &LeaseLimits::default()).await.unwrap_err(),
    ] {
        assert!(matches!(&error, LeaseError::Mismatch { found, ours: 2, .. } if found == "99"), "{error:?}");
        assert!(error.to_string().contains("version 99"), "{error}");
    }
    assert_eq!(world.raw_shard()?, before);
    Ok(())
}

#[tokio::test]
async fn forget_drops_what_nobody_works_on() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let mut all = items(4);
    // One whose length is nothing, as an empty file's.
    all[3].recording.seconds = 0.0;
    world.leases.enqueue(SHARD, &all).await?;
    let held = world.claim(&worker("a"), 3).await?.leases;
    world.leases.complete(SHARD, &held[0].id, held[0].epoch, "digest").await?;
    world.leases.fail(SHARD, &held[1].id, held[1].epoch, FailClass::Poison, "e").await?;
    let ids: Vec<_> = all.iter().map(|item| item.id.clone()).collect();
    assert_eq!(world.leases.forget(SHARD, &ids).await?, 3, "all but the one that is worked on");
    assert_eq!(world.leases.forget(SHARD, &ids).await?, 0, "once");
    world.check()?;
    assert_eq!(world.leases.enqueue(SHARD, &all).await?.added, 3, "they are unknown again");
    let again = world.claim(&worker("b"), 3).await?.leases;
    let done = again.iter().find(|lease| lease.id == held[0].id).context("the done one is not claimable")?;
    assert!(done.epoch > held[0].epoch && done.attempt == 1, "{done:?}");
    Ok(())
}

#[tokio::test]
async fn parts_count_as_one_recording_until_their_recording_is_forgotten() -> Result<()> {
    let world = LeaseWorld::new().await?;
    let long = item("long.mp3", 3_600.0).recording.in_parts(12);
    let parts: Vec<NewItem> =
        long.into_iter().map(|recording| NewItem { id: recording.id(), recording }).collect();
    let recordings = async || {
        let counts = world.leases.counts(SHARD).await?;
        world.check()?;
        anyhow::Ok(counts.enqueued - counts.further_parts)
    };
    world.leases.enqueue(SHARD, &[parts.clone(), items(2)].concat()).await?;
    assert_eq!(recordings().await?, 3);
    world.leases.enqueue(SHARD, &parts).await?;
    assert_eq!(recordings().await?, 3, "what is known is not counted again");
    let ids: Vec<_> = parts.iter().map(|part| part.id.clone()).collect();
    world.leases.forget(SHARD, &ids[..5]).await?;
    assert_eq!(world.leases.counts(SHARD).await?.further_parts, 7);
    world.leases.forget(SHARD, &ids).await?;
    assert_eq!(recordings().await?, 2);
    Ok(())
}
