//! Random operations against a small model, the invariants checked all along.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use steno_shared::ids::{Epoch, ItemId, WorkerId};
use steno_shared::leases::{Completed, FailClass, Failed, ItemState, Lease, LeaseLimits, Released};
use steno_tests::lease_world::{LONG_MS, LeaseWorld, SHARD, items};
use steno_tests::redis_server::RedisOptions;

const STEPS: usize = 600;
const ITEMS: u32 = 12;

#[derive(Debug, Clone, Default)]
struct Model {
    state: Option<ItemState>,
    epoch: u64,
    ended: Option<ItemState>,
    digest: String,
    fails: u32,
    lost: u32,
    base_lost: u32,
    released: u32,
}

#[tokio::test]
async fn random_operations_with_a_fixed_seed() -> Result<()> {
    play(7).await
}

#[tokio::test]
async fn random_operations_with_a_new_seed() -> Result<()> {
    let seed = rand::random();
    println!("seed {seed}");
    play(seed).await.with_context(|| format!("seed {seed}"))
}

async fn play(seed: u64) -> Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    // No limit on failures and releases: their ends are tested one by one; the limit on losses is.
    let limits = LeaseLimits { max_fails: 1000, max_released: 1000, max_lost: 2, ..LeaseLimits::default() };
    let world = LeaseWorld::with(RedisOptions::default(), 1, &limits).await?;
    let all = items(ITEMS);
    world.leases.enqueue(SHARD, &all).await?;
    let mut model: BTreeMap<ItemId, Model> = all
        .iter()
        .map(|item| (item.id.clone(), Model { state: Some(ItemState::Ready), ..Model::default() }))
        .collect();
    // Every lease ever granted, so that stale ones are used as often as current ones.
    let mut granted: Vec<Lease> = Vec::new();
    let worker = WorkerId::from_text("w");
    for step in 0..STEPS {
        let doing = one_step(&world, &mut random, &mut model, &mut granted, &worker)
            .await
            .with_context(|| format!("step {step}"))?;
        world.check().with_context(|| format!("step {step}: {doing}"))?;
        for row in world.rows(None).await? {
            let expected = &model[&row.id];
            let same = Some(row.state) == expected.state
                && row.epoch.map_or(0, |epoch| epoch.0) == expected.epoch
                && (row.fails, row.lost, row.released) == (expected.fails, expected.lost, expected.released);
            ensure!(same, "step {step}: {doing}: {row:?}, expected {expected:?}");
        }
    }
    Ok(())
}

async fn one_step(
    world: &LeaseWorld,
    random: &mut StdRng,
    model: &mut BTreeMap<ItemId, Model>,
    granted: &mut Vec<Lease>,
    worker: &WorkerId,
) -> Result<String> {
    let lease = granted.choose(random).cloned();
    // Completing is rare: a done item takes part in nothing more.
    let operation = if random.random_bool(0.02) {
        2
    } else {
        *[0, 1, 3, 4, 5, 5, 6, 7, 8].choose(random).context("operations")?
    };
    let Some(lease) = lease.filter(|_| operation > 1) else {
        return claim(world, random, model, granted, worker).await;
    };
    let item = model.get_mut(&lease.id).context("an unknown item was granted")?;
    let current = item.epoch == lease.epoch.0;
    let tell = format!("{operation} on {} epoch {}", lease.id, lease.epoch);
    match operation {
        2 => {
            let digest = format!("d{}", random.random_range(0..2));
            let answer = world.leases.complete(SHARD, &lease.id, lease.epoch, &digest).await?;
            let done = item.state == Some(ItemState::Done);
            match answer {
                Completed::Done => ensure!(current && !done, "{tell}: done"),
                Completed::Again => ensure!(done && item.digest == digest, "{tell}: again"),
                Completed::Superseded(_) => {
                    ensure!(done && item.digest != digest || !current, "{tell}: superseded")
                }
            }
            if answer == Completed::Done {
                item.state = Some(ItemState::Done);
                item.digest = digest;
            }
        }
        3 | 4 => {
            let class = if operation == 3 { FailClass::Retry } else { FailClass::Poison };
            let answer = world.leases.fail(SHARD, &lease.id, lease.epoch, class, "e").await?;
            let fenced =
                !current || item.state == Some(ItemState::Done) || item.ended == Some(ItemState::Ready);
            ensure!(matches!(answer, Failed::Superseded(_)) == fenced, "{tell}: {answer:?}");
            if !fenced && item.ended != Some(ItemState::Delayed) {
                end(item, ItemState::Delayed);
                item.fails += 1;
                item.state =
                    Some(if class == FailClass::Poison { ItemState::Dead } else { ItemState::Delayed });
            }
        }
        5 => {
            let answer = world.leases.release(SHARD, &lease.id, lease.epoch).await?;
            let fenced =
                !current || item.state == Some(ItemState::Done) || item.ended == Some(ItemState::Delayed);
            ensure!(matches!(answer, Released::Superseded(_)) == fenced, "{tell}: {answer:?}");
            if !fenced && item.ended != Some(ItemState::Ready) {
                end(item, ItemState::Ready);
                item.released += 1;
                item.state = Some(ItemState::Ready);
            }
        }
        6 => {
            let held = current && item.state == Some(ItemState::Leased);
            let renewal =
                world.leases.renew(SHARD, worker, &[(lease.id.clone(), lease.epoch)], LONG_MS).await?;
            ensure!(renewal.lost.is_empty() == held, "{tell}: {renewal:?}");
        }
        7 => return time_passes(world, model, &lease.id).await,
        _ => {
            let dead = item.state == Some(ItemState::Dead);
            let requeued = world.leases.requeue(SHARD, std::slice::from_ref(&lease.id)).await?;
            ensure!(requeued == u64::from(dead), "{tell}: requeued {requeued}");
            if dead {
                (item.state, item.base_lost) = (Some(ItemState::Ready), item.lost);
            }
        }
    }
    Ok(tell)
}

/// How an epoch ended; one that was counted as lost had not vanished after all.
fn end(item: &mut Model, ended: ItemState) {
    if item.ended == Some(ItemState::Leased) && item.lost > item.base_lost {
        item.lost -= 1;
    }
    item.ended = Some(ended);
}

async fn claim(
    world: &LeaseWorld,
    random: &mut StdRng,
    model: &mut BTreeMap<ItemId, Model>,
    granted: &mut Vec<Lease>,
    worker: &WorkerId,
) -> Result<String> {
    let count = random.random_range(1..4);
    let claim = world.claim(worker, count).await?;
    let ready = model.values().filter(|item| item.state == Some(ItemState::Ready)).count();
    ensure!(claim.leases.len() == ready.min(count as usize), "claimed {} of {ready}", claim.leases.len());
    for lease in claim.leases {
        let item = model.get_mut(&lease.id).context("an unknown item was granted")?;
        ensure!(item.state == Some(ItemState::Ready) && lease.epoch > Epoch(item.epoch), "claimed {item:?}");
        (item.state, item.epoch, item.ended) = (Some(ItemState::Leased), lease.epoch.0, None);
        granted.push(lease);
    }
    Ok(format!("claim {count}"))
}

/// An item's deadline or due time comes, and somebody looks.
async fn time_passes(world: &LeaseWorld, model: &mut BTreeMap<ItemId, Model>, id: &ItemId) -> Result<String> {
    let item = model.get_mut(id).context("an unknown item was granted")?;
    match item.state {
        Some(ItemState::Leased) => {
            world.let_time_pass("leased", id)?;
            item.lost += 1;
            item.ended = Some(ItemState::Leased);
            item.state =
                Some(if item.lost - item.base_lost >= 2 { ItemState::Dead } else { ItemState::Ready });
        }
        Some(ItemState::Delayed) => {
            world.let_time_pass("delayed", id)?;
            item.state = Some(ItemState::Ready);
        }
        Some(ItemState::Ready | ItemState::Done | ItemState::Dead) | None => {}
    }
    world.claim(&WorkerId::from_text("sweeper"), 0).await?;
    Ok(format!("time passes for {id}"))
}
