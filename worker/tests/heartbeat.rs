//! The heartbeat on a real Redis: what the peers get wrong about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use steno_shared::ids::WorkerId;
use steno_shared::leases::{ClaimRequest, Lease};
use steno_shared::worker_config::{WorkLimits, WorkerConfig};
use steno_tests::lease_world::{LeaseWorld, SHARD, claim_request, items};
use steno_tests::wait::until;
use steno_worker::control::Control;
use steno_worker::heartbeat::Heartbeat;
use steno_worker::held::{Held, HeldItem};

const LEASE_MS: u64 = 600;

fn config(world: &LeaseWorld, stall_ms: u64) -> WorkerConfig {
    WorkerConfig {
        lease_ms: LEASE_MS,
        limits: WorkLimits { stall_ms, ..WorkLimits::default() },
        ..world.worker_config()
    }
}

async fn claim(world: &LeaseWorld, worker: &WorkerId) -> Result<Option<Lease>> {
    let request = ClaimRequest { lease_ms: LEASE_MS, ..claim_request(worker, 1) };
    Ok(world.leases.claim(SHARD, &request).await?.leases.pop())
}

fn never(item: &HeldItem) {
    unreachable!("{:?} is not stuck", item.lease.recording.name);
}

/// BullMQ, RQ: heartbeats starved by long work. Here the runtime is blocked for the whole time.
#[tokio::test]
async fn work_that_blocks_the_runtime_does_not_starve_the_heartbeat() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    let (first, second) = (WorkerId::new("first"), WorkerId::new("second"));
    let held = Arc::new(Held::default());
    let item = held.insert(claim(&world, &first).await?.unwrap());
    let heartbeat = Heartbeat::start(
        &config(&world, 600_000),
        &first,
        SHARD,
        Arc::clone(&held),
        Arc::new(Control::default()),
        Arc::default(),
        never,
    )?;
    // Not a wait for something to happen: the work itself, which lasts several leases and yields to nobody.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(LEASE_MS * 4) {
        std::hint::spin_loop();
    }
    assert_eq!(claim(&world, &second).await?, None, "the lease is still the first worker's");
    assert!(!item.is_lost());
    drop(heartbeat);
    world.check()
}

static STUCK: AtomicBool = AtomicBool::new(false);

/// A heartbeat that goes on while the work hangs would keep the recording for ever.
#[tokio::test]
async fn a_hang_is_not_masked_by_the_heartbeat() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(1)).await?;
    let (first, second) = (WorkerId::new("first"), WorkerId::new("second"));
    let held = Arc::new(Held::default());
    let _item = held.insert(claim(&world, &first).await?.unwrap());
    let _heartbeat = Heartbeat::start(
        &config(&world, 300),
        &first,
        SHARD,
        Arc::clone(&held),
        Arc::new(Control::default()),
        Arc::default(),
        |_| STUCK.store(true, Ordering::SeqCst),
    )?;
    let taken = until("the lease to run out", async || claim(&world, &second).await.ok().flatten()).await;
    assert!(taken.is_suspect(), "it counts as lost");
    until("the process to be told", async || STUCK.load(Ordering::SeqCst).then_some(())).await;
    world.check()
}
