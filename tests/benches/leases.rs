//! The cost of the protocol: `cargo bench -p steno-tests --bench leases -- --items 10000,100000,1000000`.
//!
//! A plain program: it prints operations per second, bytes an item and each cost as a ratio to the first size.

#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use redis::cmd;
use steno_shared::ids::{ShardId, WorkerId};
use steno_shared::leases::{LeaseLimits, Leases, NewItem};
use steno_tests::lease_world::{LeaseWorld, SHARD, claim_request, item};
use steno_tests::redis_server::RedisOptions;

/// Items claimed and completed for a measurement, at most; far fewer than a large queue holds.
const MEASURED: u32 = 5_000;
const CONCURRENT: u32 = 16;

#[derive(Debug, Clone, Copy)]
struct Cost {
    items: u32,
    enqueue_us: f64,
    bytes: f64,
    sequential_us: f64,
    concurrent_us: f64,
    /// CPU time of the server, which other load on the machine falsifies less than wall time.
    enqueue_cpu_us: f64,
    claim_cpu_us: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut sizes = vec![10_000, 100_000];
    let (mut aof, mut shuffled) = (false, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--items" => {
                let list = args.next().context("--items needs a list, such as 10000,100000")?;
                sizes = list.split(',').map(|size| size.trim().parse()).collect::<Result<_, _>>()?;
            }
            "--aof" => aof = true,
            "--shuffled" => shuffled = true,
            // `cargo bench` adds it.
            "--bench" => {}
            other => anyhow::bail!(
                "unknown argument {other}; there are --items N,N…, --aof (synced every second) and --shuffled"
            ),
        }
    }
    println!(
        "{:>9} {:>14} {:>9} {:>26} {:>26}",
        "items", "enqueue/s", "bytes", "claim+complete/s, one", "the same, 16 at once"
    );
    let mut first = None;
    for size in sizes {
        let cost = measure(size, aof, shuffled).await?;
        let base = *first.get_or_insert(cost);
        println!(
            "{:>9} {:>7.0} ({:.2}x) {:>9.0} {:>18.0} ({:.2}x) {:>18.0} ({:.2}x) {:>12.2} ({:.2}x) {:>18.1} ({:.2}x)",
            cost.items,
            1e6 / cost.enqueue_us,
            cost.enqueue_us / base.enqueue_us,
            cost.bytes,
            1e6 / cost.sequential_us,
            cost.sequential_us / base.sequential_us,
            1e6 / cost.concurrent_us,
            cost.concurrent_us / base.concurrent_us,
            cost.enqueue_cpu_us,
            cost.enqueue_cpu_us / base.enqueue_cpu_us,
            cost.claim_cpu_us,
            cost.claim_cpu_us / base.claim_cpu_us,
        );
    }
    println!("(in brackets: cost per operation, relative to the first line; CPU is the server's)");
    Ok(())
}

async fn measure(items: u32, aof: bool, shuffled: bool) -> Result<Cost> {
    let args = if aof { vec!["--appendonly", "yes", "--appendfsync", "everysec"] } else { vec![] };
    let args = args.into_iter().map(String::from).collect();
    let options = RedisOptions { args, ..RedisOptions::default() };
    let world = LeaseWorld::with(options, 1, &LeaseLimits::default()).await?;
    let before = memory(&world)?;
    let cpu_start = server_cpu_us(&world)?;
    let mut spent = Duration::ZERO;
    for start in (0..items).step_by(10_000) {
        // Made piece by piece: a million recordings need not be in memory at once.
        let part: Vec<NewItem> =
            (start..items.min(start + 10_000)).map(|n| recording(n, items, shuffled)).collect();
        let clock = Instant::now();
        world.leases.enqueue(SHARD, &part).await?;
        spent += clock.elapsed();
    }
    let bytes = (memory(&world)? - before) as f64 / f64::from(items);
    let cpu_enqueued = server_cpu_us(&world)?;
    let measured = MEASURED.min(items / 2);

    // A first round that is not counted: scripts loaded, connection open.
    work(&world.leases, "warm", 10).await?;
    let clock = Instant::now();
    work(&world.leases, "one", measured / 2).await?;
    let sequential = clock.elapsed() / (measured / 2);
    let cpu_claimed = server_cpu_us(&world)?;

    let clock = Instant::now();
    let mut tasks = Vec::new();
    for index in 0..CONCURRENT {
        // Each with a connection of its own, as workers have.
        let leases = Leases::connect(&world.server.config(), &world.batch).await?;
        tasks.push(tokio::spawn(async move {
            work(&leases, &format!("w{index}"), measured / 2 / CONCURRENT).await
        }));
    }
    for task in tasks {
        task.await??;
    }
    let concurrent = clock.elapsed() / (measured / 2 / CONCURRENT * CONCURRENT);
    Ok(Cost {
        items,
        enqueue_us: spent.as_secs_f64() * 1e6 / f64::from(items),
        bytes,
        sequential_us: sequential.as_secs_f64() * 1e6,
        concurrent_us: concurrent.as_secs_f64() * 1e6,
        enqueue_cpu_us: (cpu_enqueued - cpu_start) / f64::from(items),
        claim_cpu_us: (cpu_claimed - cpu_enqueued) / f64::from(measured / 2 + 10),
    })
}

/// A recording of up to two hours; the longest first, as the plan enqueues them, or shuffled, the same in every run.
fn recording(n: u32, items: u32, shuffled: bool) -> NewItem {
    let rank = if shuffled { n.wrapping_mul(2_654_435_761) % items } else { items - 1 - n };
    item(&format!("calls/2026-11/{n:07}-voice.mp3"), 7200.0 * f64::from(rank) / f64::from(items))
}

async fn work(leases: &Leases, name: &str, count: u32) -> Result<()> {
    let worker = WorkerId::new(name);
    for _ in 0..count {
        let request = claim_request(&worker, 1);
        let lease = leases.claim(ShardId(0), &request).await?.leases.pop().context("the queue ran dry")?;
        // A digest's length: SHA-256 in hex.
        leases.complete(SHARD, &lease.id, lease.epoch, &format!("{:064x}", lease.epoch.0)).await?;
    }
    Ok(())
}

/// CPU time that the server has used, in microseconds.
fn server_cpu_us(world: &LeaseWorld) -> Result<f64> {
    let info: String = cmd("INFO").arg("cpu").query(&mut world.raw()?)?;
    let seconds = |name: &str| -> Result<f64> {
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(value.with_context(|| format!("INFO tells no {name}"))?.trim().parse()?)
    };
    Ok(1e6 * (seconds("used_cpu_user")? + seconds("used_cpu_sys")?))
}

/// What Redis has allocated, once its tables have settled.
fn memory(world: &LeaseWorld) -> Result<i64> {
    let info: String = cmd("INFO").arg("memory").query(&mut world.raw()?)?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:"));
    line.context("INFO tells no used_memory_dataset")?.trim().parse().context("INFO's used_memory_dataset")
}
