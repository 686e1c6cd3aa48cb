//! The scripts on a real Redis beside the model: random operations, and after each both have answered alike and hold the same.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use steno_shared::ids::{Epoch, WorkerId};
use steno_shared::leases::{
    BatchState, ClaimRequest, Completed, Current, FailClass, Failed, ItemState, LeaseLimits, NewItem,
    Released, RequestId,
};
use steno_tests::lease_world::{LONG_MS, LeaseWorld, SHARD, batch_meta, claim_request, items};
use steno_tests::redis_cluster;
use steno_tests::redis_server::RedisOptions;
use tokio::runtime::Runtime;

use super::shard::{Answer, ITEMS_MAX, Item, LIMIT, Phase, Shard};

const ITEMS: usize = ITEMS_MAX;
const WORKERS: usize = 2;
/// No wait ends by itself during a test.
const NEVER_MS: u64 = 3_600_000;

/// An operation. Leases are those that were granted so far, the latest first; numbers that are too large count anew.
#[derive(Debug, Clone)]
enum Operation {
    Enqueue(usize),
    Claim {
        place: usize,
        again: bool,
        count: usize,
        alone: bool,
    },
    Renew {
        lease: usize,
    },
    Complete {
        lease: usize,
        digest: u8,
    },
    Fail {
        lease: usize,
        poison: bool,
    },
    Release {
        lease: usize,
    },
    DeadlinePasses(usize),
    WaitIsOver(usize),
    Requeue(usize),
    Cancel,
    Reopen,
    Restart(usize),
    Forget(usize),
    /// What Redis has now is what an older append-only file will hold.
    Save,
    /// Redis comes back with what was saved.
    Rollback,
    /// Redis loses everything, and the batch is begun anew.
    Empty,
    /// The shard's slot goes to another primary of the cluster.
    MoveSlot,
    /// A replica becomes the shard's primary.
    FailOver,
}

/// Operations; in a cluster now and then one that the client has to follow.
fn operation(in_cluster: bool) -> impl Strategy<Value = Operation> {
    let (moves, failures) = if in_cluster { (8, 1) } else { (0, 0) };
    prop_oneof![
        200 => operation_on_one(),
        6 => Just(Operation::Save),
        4 => Just(Operation::Rollback),
        2 => Just(Operation::Empty),
        moves => Just(Operation::MoveSlot),
        failures => Just(Operation::FailOver),
    ]
}

fn operation_on_one() -> impl Strategy<Value = Operation> {
    let (item, place) = (0..ITEMS, 0..WORKERS);
    // Mostly one of the latest: only there is much left to happen.
    let lease = prop_oneof![3 => 0..2_usize, 1 => 0..16_usize];
    prop_oneof![
        1 => item.clone().prop_map(Operation::Enqueue),
        6 => (place.clone(), prop::bool::weighted(0.25), 1..=ITEMS, any::<bool>())
            .prop_map(|(place, again, count, alone)| Operation::Claim { place, again, count, alone }),
        1 => lease.clone().prop_map(|lease| Operation::Renew { lease }),
        1 => (lease.clone(), 0..2_u8).prop_map(|(lease, digest)| Operation::Complete { lease, digest }),
        2 => (lease.clone(), prop::bool::weighted(0.2)).prop_map(|(lease, poison)| Operation::Fail { lease, poison }),
        2 => lease.prop_map(|lease| Operation::Release { lease }),
        2 => item.clone().prop_map(Operation::DeadlinePasses),
        2 => item.clone().prop_map(Operation::WaitIsOver),
        2 => item.clone().prop_map(Operation::Requeue),
        1 => item.prop_map(Operation::Forget),
        1 => Just(Operation::Cancel),
        2 => Just(Operation::Reopen),
        1 => place.prop_map(Operation::Restart),
    ]
}

/// A worker's place: its present identity, and its last request.
#[derive(Debug, Clone)]
struct Place {
    worker: WorkerId,
    life: u8,
    request: u8,
    request_id: RequestId,
}

/// A lease that was granted: the item, and its epoch in the model and in Redis.
#[derive(Debug, Clone)]
struct Granted {
    index: usize,
    epoch: u8,
    real: Epoch,
    worker: WorkerId,
}

/// Both sides.
struct Both<'a> {
    world: &'a LeaseWorld,
    all: Vec<NewItem>,
    model: Shard<u8, (u8, u8)>,
    /// What the model's counts were when they began anew.
    base: Vec<(u32, u32, u32)>,
    places: Vec<Place>,
    /// Class of each item's last error.
    classes: Vec<Option<&'static str>>,
    granted: Vec<Granted>,
    clock: u8,
    saved: Option<Saved>,
}

/// What Redis held once, and what the model held then.
#[derive(Clone)]
struct Saved {
    keys: Vec<(String, Vec<u8>)>,
    model: Shard<u8, (u8, u8)>,
    base: Vec<(u32, u32, u32)>,
    classes: Vec<Option<&'static str>>,
}

impl<'a> Both<'a> {
    async fn new(world: &'a LeaseWorld, limits: &LeaseLimits) -> Result<Self> {
        world.leases.delete_batch().await?;
        world.leases.create_batch(&batch_meta(&world.batch, 1), limits).await?;
        // The longest first, as a claim takes them: in the model it takes them by their number.
        let mut all = items(u32::try_from(ITEMS)?);
        all.reverse();
        let places = (0..WORKERS).map(|_| Self::place(0)).collect();
        let model = Shard::empty(ITEMS, WORKERS);
        let (base, classes) = (vec![(0, 0, 0); ITEMS], vec![None; ITEMS]);
        Ok(Self { world, all, model, base, places, classes, granted: Vec::new(), clock: 1, saved: None })
    }

    fn place(life: u8) -> Place {
        Place { worker: WorkerId::new("pod"), life, request: 0, request_id: RequestId::random() }
    }

    async fn play(&mut self, operation: &Operation) -> Result<()> {
        let leases = &self.world.leases;
        match *operation {
            Operation::Enqueue(index) => {
                let is_new = self.model.items[index].is_none();
                let done = leases.enqueue(SHARD, std::slice::from_ref(&self.all[index])).await?;
                ensure!((done.added, done.known) == (u64::from(is_new), u64::from(!is_new)), "{done:?}");
                self.model.enqueue(index);
            }
            Operation::Claim { place, again, count, alone } => {
                self.claim(place, again, count, alone).await?;
            }
            Operation::Forget(index) => {
                let dropped = leases.forget(SHARD, std::slice::from_ref(&self.all[index].id)).await?;
                let expected = self.model.forget(index);
                ensure!(dropped == u64::from(expected), "dropped {dropped}, expected: {expected}");
                if expected {
                    (self.base[index], self.classes[index]) = ((0, 0, 0), None);
                }
            }
            Operation::Save => {
                let (model, base, classes) = (self.model.clone(), self.base.clone(), self.classes.clone());
                self.saved = Some(Saved { keys: self.keys()?, model, base, classes });
            }
            Operation::Rollback => {
                let Some(saved) = self.saved.clone() else { return Ok(()) };
                let mut raw = self.world.raw()?;
                for (key, _) in self.keys()? {
                    redis::cmd("UNLINK").arg(key).exec(&mut raw)?;
                }
                for (key, value) in &saved.keys {
                    redis::cmd("RESTORE").arg(key).arg(0).arg(value).exec(&mut raw)?;
                }
                (self.model, self.base, self.classes) = (saved.model, saved.base, saved.classes);
            }
            Operation::Empty => {
                redis::cmd("FLUSHALL").exec(&mut self.world.raw()?)?;
                leases.create_batch(&batch_meta(&self.world.batch, 1), &limits()).await?;
                self.model = Shard::empty(ITEMS, WORKERS);
                (self.base, self.classes) = (vec![(0, 0, 0); ITEMS], vec![None; ITEMS]);
            }
            Operation::MoveSlot => redis_cluster::move_slot(&mut self.world.raw()?, &self.world.key("meta"))?,
            Operation::FailOver => redis_cluster::fail_over(&mut self.world.raw()?)?,
            Operation::Restart(place) => self.places[place] = Self::place(self.places[place].life + 1),
            Operation::Renew { lease } => {
                let Some(lease) = self.lease(lease) else { return Ok(()) };
                let is_held = self.model.items[lease.index]
                    .as_ref()
                    .is_some_and(|item| item.phase == Phase::Leased && item.epoch == lease.epoch);
                let id = self.all[lease.index].id.clone();
                let longer = [(id.clone(), lease.real)];
                let renewal = leases.renew(SHARD, &lease.worker, &longer, 3 * LONG_MS).await?;
                ensure!(renewal.lost.is_empty() == is_held, "{renewal:?}, held: {is_held}");
                if is_held {
                    let due = self.world.row(&id).await?.due_in_ms;
                    ensure!(due > Some(i64::try_from(2 * LONG_MS)?), "renewed, and due in {due:?} ms");
                }
            }
            Operation::Complete { lease, digest } => {
                let Some(lease) = self.lease(lease) else { return Ok(()) };
                let id = &self.all[lease.index].id;
                let real = leases.complete(SHARD, id, lease.real, &format!("d{digest}")).await?;
                let expected = self.model.complete(None, lease.index, lease.epoch, digest);
                let answer = match &real {
                    Completed::Done => Answer::Done,
                    Completed::Again => Answer::Again,
                    Completed::Superseded(current) => self.superseded(lease.index, current.as_ref())?,
                };
                ensure!(answer == expected, "complete: {real:?}, expected {expected:?}");
                if expected == Answer::Done {
                    self.classes[lease.index] = None;
                }
            }
            Operation::Fail { lease, poison } => {
                let Some(lease) = self.lease(lease) else { return Ok(()) };
                let class = if poison { FailClass::Poison } else { FailClass::Retry };
                let id = &self.all[lease.index].id;
                let real = leases.fail(SHARD, id, lease.real, class, "an error").await?;
                let expected = self.model.fail(None, lease.index, lease.epoch, poison);
                let is_dead = self.phase(lease.index) == Some(Phase::Dead);
                ensure!(
                    match &real {
                        Failed::Superseded(current) =>
                            self.superseded(lease.index, current.as_ref())? == expected,
                        Failed::Dead => expected != Answer::Superseded && is_dead,
                        Failed::Delayed { .. } => expected != Answer::Superseded && !is_dead,
                    },
                    "fail: {real:?}, expected {expected:?}"
                );
                if expected == Answer::Done {
                    self.classes[lease.index] = Some(if poison { "poison" } else { "retry" });
                }
            }
            Operation::Release { lease } => {
                let Some(lease) = self.lease(lease) else { return Ok(()) };
                let real = leases.release(SHARD, &self.all[lease.index].id, lease.real).await?;
                let expected = self.model.release(None, lease.index, lease.epoch);
                let is_dead = self.phase(lease.index) == Some(Phase::Dead);
                ensure!(
                    match &real {
                        Released::Superseded(current) =>
                            self.superseded(lease.index, current.as_ref())? == expected,
                        Released::Dead => expected != Answer::Superseded && is_dead,
                        Released::Ready => expected == Answer::Done && !is_dead,
                        Released::Again => expected == Answer::Again && !is_dead,
                    },
                    "release: {real:?}, expected {expected:?}"
                );
                if expected == Answer::Done && is_dead {
                    self.classes[lease.index] = Some("released");
                }
            }
            Operation::DeadlinePasses(index) if self.phase(index) == Some(Phase::Leased) => {
                self.world.let_time_pass("leased", &self.all[index].id)?;
                self.sweep().await?;
                self.model.take_back(None, index);
                self.classes[index] = Some("lost");
            }
            Operation::WaitIsOver(index) if self.phase(index) == Some(Phase::Delayed) => {
                self.world.let_time_pass("delayed", &self.all[index].id)?;
                self.sweep().await?;
                self.model.promote(index);
            }
            Operation::DeadlinePasses(_) | Operation::WaitIsOver(_) => {}
            Operation::Requeue(index) => {
                let is_dead = self.phase(index) == Some(Phase::Dead);
                let requeued = leases.requeue(SHARD, std::slice::from_ref(&self.all[index].id)).await?;
                ensure!(requeued == u64::from(is_dead), "requeued {requeued}, dead: {is_dead}");
                if let Some(item) = self.model.items[index].as_ref().filter(|_| is_dead) {
                    let base = &mut self.base[index];
                    base.0 += u32::from(item.fails);
                    base.1 += u32::from(item.lost);
                    base.2 += u32::from(item.released);
                }
                self.model.requeue(None, index);
            }
            Operation::Cancel => {
                ensure!(leases.cancel(SHARD).await? != self.model.cancelled);
                self.model.cancelled = true;
            }
            Operation::Reopen => {
                ensure!(leases.reopen(SHARD).await? == self.model.cancelled);
                self.model.cancelled = false;
            }
        }
        Ok(())
    }

    /// The shard's keys as they are in Redis.
    fn keys(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut raw = self.world.raw()?;
        let names: Vec<String> = redis::cmd("KEYS").arg(self.world.key("*")).query(&mut raw)?;
        let dump = |name: String| {
            let value = redis::cmd("DUMP").arg(&name).query(&mut raw)?;
            Ok((name, value))
        };
        names.into_iter().map(dump).collect()
    }

    /// Whom an item belongs to by the model: the worker of its last claim, and that claim's epoch.
    fn holder(&self, index: usize) -> Option<&Granted> {
        let item = self.model.items[index].as_ref()?;
        self.granted.iter().find(|known| (known.index, known.epoch) == (index, item.epoch))
    }

    /// What somebody is told whose lease is over must be what the item is.
    fn superseded(&self, index: usize, told: Option<&Current>) -> Result<Answer> {
        let item = self.model.items[index].as_ref();
        ensure!(item.is_some() == told.is_some(), "told {told:?}, expected {item:?}");
        if let (Some(item), Some(told)) = (item, told) {
            let holder = self.holder(index);
            ensure!(
                told.state == state_of(item.phase)
                    && told.epoch == holder.map(|known| known.real)
                    && told.owner.as_ref() == holder.map(|known| &known.worker),
                "told {told:?}, expected {item:?} of {holder:?}"
            );
        }
        Ok(Answer::Superseded)
    }

    fn lease(&self, number: usize) -> Option<Granted> {
        self.granted.iter().rev().nth(number % self.granted.len().max(1)).cloned()
    }

    fn phase(&self, index: usize) -> Option<Phase> {
        self.model.items[index].as_ref().map(|item| item.phase)
    }

    async fn claim(&mut self, place: usize, again: bool, count: usize, alone: bool) -> Result<()> {
        let asker = &mut self.places[place];
        if !again {
            (asker.request, asker.request_id) = (asker.request + 1, RequestId::random());
        }
        let request = ClaimRequest {
            request_id: asker.request_id,
            alone,
            ..claim_request(&asker.worker, u32::try_from(count)?)
        };
        let claim = self.world.leases.claim(SHARD, &request).await?;
        let is_cancelled = claim.batch == BatchState::Cancelled;
        ensure!(is_cancelled == self.model.cancelled, "the batch is {:?}", claim.batch);
        let identity = (u8::try_from(place)?, asker.life);
        // What a worker has vanished with goes to one that holds nothing else; that one before a requeue counts too.
        let base = &self.base;
        let passes_over = |index: usize, item: &Item<u8>| !alone && base[index].1 + u32::from(item.lost) > 0;
        let asker = (identity, asker.request);
        let expected = self.model.claim(None, place, asker, self.clock, count, passes_over);
        let ids: Vec<_> = expected.iter().map(|(index, _)| &self.all[*index].id).collect();
        let claimed: Vec<_> = claim.leases.iter().map(|lease| &lease.id).collect();
        ensure!(claimed == ids, "claimed {claimed:?}, expected {ids:?}");
        for (lease, (index, epoch)) in claim.leases.iter().zip(expected) {
            let known = self.granted.iter().find(|known| (known.index, known.epoch) == (index, epoch));
            if let Some(known) = known {
                ensure!(known.real == lease.epoch, "another epoch when asked again");
                continue;
            }
            let newest = self.granted.iter().filter(|known| known.index == index).map(|known| known.real);
            ensure!(newest.max() < Some(lease.epoch), "an epoch that is not above all before");
            self.clock = self.clock.max(epoch) + 1;
            let worker = self.places[place].worker.clone();
            self.granted.push(Granted { index, epoch, real: lease.epoch, worker });
        }
        Ok(())
    }

    /// A claim of nothing, by somebody else.
    async fn sweep(&self) -> Result<()> {
        self.world.claim(&WorkerId::from_text("sweeper"), 0).await.map(|_| ())
    }

    /// That Redis and the model hold the same.
    async fn compare(&self) -> Result<()> {
        self.world.check()?;
        let mut rows: HashMap<_, _> =
            self.world.rows(None).await?.into_iter().map(|row| (row.id.clone(), row)).collect();
        for (index, item) in self.model.items.iter().enumerate() {
            let row = rows.remove(&self.all[index].id);
            let (Some(item), Some(row)) = (item, &row) else {
                ensure!(item.is_none() && row.is_none(), "item {index}: {row:?}, expected {item:?}");
                continue;
            };
            let holder = self.holder(index);
            // Nothing is due by itself during a test.
            let is_waiting = matches!(item.phase, Phase::Leased | Phase::Delayed);
            let is_due_right = row.due_in_ms.map_or(!is_waiting, |due| is_waiting && due > 0);
            let base = self.base[index];
            let counts = (
                base.0 + u32::from(item.fails),
                base.1 + u32::from(item.lost),
                base.2 + u32::from(item.released),
            );
            ensure!(
                row.state == state_of(item.phase)
                    && row.epoch == holder.map(|known| known.real)
                    && row.owner.as_ref() == holder.map(|known| &known.worker)
                    && row.error_class.as_deref() == self.classes[index]
                    && is_due_right
                    && (row.fails, row.lost, row.released) == counts
                    && row.digest == item.digest.map(|digest| format!("d{digest}")),
                "item {index}: {row:?}, expected {item:?} of {holder:?} with counts {counts:?} and class {:?}",
                self.classes[index]
            );
        }
        ensure!(rows.is_empty(), "unknown to the model: {rows:?}");
        Ok(())
    }
}

fn state_of(phase: Phase) -> ItemState {
    match phase {
        Phase::Ready => ItemState::Ready,
        Phase::Leased => ItemState::Leased,
        Phase::Delayed => ItemState::Delayed,
        Phase::Done => ItemState::Done,
        Phase::Dead => ItemState::Dead,
    }
}

async fn play(world: &LeaseWorld, limits: &LeaseLimits, operations: &[Operation]) -> Result<()> {
    let mut both = Both::new(world, limits).await?;
    both.play(&Operation::Enqueue(0)).await?;
    for (step, operation) in operations.iter().enumerate() {
        let told = || format!("step {step}, {operation:?}");
        both.play(operation).await.with_context(told)?;
        both.compare().await.with_context(told)?;
    }
    Ok(())
}

/// Limits as the model has them.
fn limits() -> LeaseLimits {
    let limit = u32::from(LIMIT);
    LeaseLimits {
        max_fails: limit,
        max_lost: limit,
        max_released: limit,
        backoff_base_ms: NEVER_MS,
        backoff_cap_ms: NEVER_MS,
    }
}

fn agree(runtime: &Runtime, world: &LeaseWorld, cases: u32) -> Result<()> {
    let mut runner = TestRunner::new(Config { cases, ..Config::with_source_file(file!()) });
    let in_cluster = !world.beside.is_empty();
    let played = runner.run(&prop::collection::vec(operation(in_cluster), 1..80), |operations| {
        let played = runtime.block_on(play(world, &limits(), &operations));
        played.map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    played.map_err(|error| anyhow::anyhow!("{error}"))
}

#[test]
fn scripts_and_model_agree_step_by_step() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let world = runtime.block_on(LeaseWorld::with(RedisOptions::default(), 1, &limits()))?;
    agree(&runtime, &world, 300)
}

#[test]
fn scripts_and_model_agree_on_a_redis_cluster() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let world = runtime.block_on(LeaseWorld::on_cluster(&limits()))?;
    agree(&runtime, &world, 40)
}
