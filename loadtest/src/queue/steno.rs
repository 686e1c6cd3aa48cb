//! Steno's leases, asked as workers ask that hold nothing: a claim from their own shard, else from others, and a completion.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand_distr::{Distribution as _, Exp};
use steno_shared::batch::{BatchMeta, ModelIdentity, Splitting};
use steno_shared::ids::{BatchId, ShardId, WorkerId};
use steno_shared::leases::{
    ClaimRequest, Completed, Latency, Lease, LeaseError, LeaseLimits, Leases, NewItem, RedisConfig,
    RequestId, shard_order,
};
use steno_shared::options::TranscribeOptions;
use steno_shared::recording::{DurationSource, Recording};
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::Format;

use super::figures::Figures;
use super::redis_server::RedisServer;
use steno_coordinator::failure::Failure;
use steno_coordinator::plan::shards_for;

/// Items that are enqueued at once, so that a million of them need not be in memory.
const AT_ONCE: u64 = 10_000;
/// None runs out: renewals are not measured here.
const LEASE_MS: u64 = 3_600_000;

/// What is asked of the leases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Items to put in.
    pub items: u64,
    /// Workers, each with a connection of its own.
    pub workers: u32,
    /// How long a worker holds an item, on average; at random, as lengths are.
    pub hold: Duration,
    /// How long items are taken out at most.
    pub measure: Duration,
}

impl Load {
    /// As many as a batch has that so many workers begin.
    fn shards(&self) -> u32 {
        NonZeroU32::new(self.workers).map_or(1, |workers| shards_for(workers).get())
    }
}

/// Measures on a server that is new.
///
/// # Errors
/// If Redis does not do what it is asked.
pub async fn measure_steno(server: &RedisServer, load: Load) -> Result<Figures, Failure> {
    let config = RedisConfig::new(server.url());
    let batch = batch()?;
    let leases = Leases::connect(&config, &batch).await?;
    leases.create_batch(&meta(&batch, load.shards()), &LeaseLimits::default()).await?;
    let before = server.used()?;
    let began = Instant::now();
    for start in (0..load.items).step_by(AT_ONCE as usize) {
        enqueue(&leases, start..load.items.min(start + AT_ONCE), load).await?;
    }
    let enqueued = began.elapsed();
    let filled = server.used_when_settled()?;

    let done = Arc::new(AtomicU64::new(0));
    let mut workers = Vec::new();
    for index in 0..load.workers {
        let leases = Leases::connect(&config, &batch).await?;
        let worker = Worker { leases, index, load, done: Arc::clone(&done) };
        workers.push(worker);
    }
    let connected = server.used()?;
    let began = Instant::now();
    let until = began + load.measure;
    let tasks: Vec<_> = workers.into_iter().map(|worker| tokio::spawn(worker.work(until))).collect();
    let mut course = Course::default();
    for task in tasks {
        let worked = task.await.map_err(|error| Failure::internal(format!("a worker panicked: {error}")))?;
        course.add(&worked?);
    }
    let Course { claims, gaps } = course;
    let took = began.elapsed();
    let used = server.used()?;
    let done = done.load(Ordering::Relaxed);
    Ok(Figures {
        queue: "steno".to_owned(),
        items: load.items,
        workers: load.workers,
        enqueued_per_second: load.items as f64 / enqueued.as_secs_f64(),
        done,
        done_per_second: done as f64 / took.as_secs_f64(),
        bytes_per_item: Figures::bytes_per_item(before, filled, load.items),
        cpu_us_per_item: Figures::cpu_us_per_item(connected, used, done),
        claim_p50_ms: Some(claims.quantile_ms(0.5)),
        claim_p99_ms: Some(claims.quantile_ms(0.99)),
        claim_p999_ms: Some(claims.quantile_ms(0.999)),
        gap_p50_ms: Some(gaps.quantile_ms(0.5)),
        gap_p99_ms: Some(gaps.quantile_ms(0.99)),
    })
}

/// How long a worker's claims took, with whatever was asked before them, and how long it was without an item in between.
#[derive(Debug, Default)]
struct Course {
    claims: Latency,
    gaps: Latency,
}

impl Course {
    fn add(&mut self, other: &Self) {
        self.claims.add(&other.claims);
        self.gaps.add(&other.gaps);
    }
}

struct Worker {
    leases: Leases,
    index: u32,
    load: Load,
    done: Arc<AtomicU64>,
}

impl Worker {
    /// Claims and completes until nothing is left or the time is over.
    async fn work(self, until: Instant) -> Result<Course, LeaseError> {
        let shards = self.load.shards();
        let (home, worker) = (ShardId(self.index % shards), WorkerId::new(&format!("worker-{}", self.index)));
        let mut random = StdRng::seed_from_u64(self.index.into());
        let hold = Exp::new(1.0 / self.load.hold.as_secs_f64()).ok().filter(|_| !self.load.hold.is_zero());
        let mut course = Course::default();
        let mut without_since: Option<Instant> = None;
        // Not all at once, as pods do not start at once.
        tokio::time::sleep(hold.map_or(Duration::ZERO, |hold| pause(hold, &mut random))).await;
        while Instant::now() < until {
            let began = Instant::now();
            let Some(lease) = self.claim(home, &worker).await? else { break };
            course.claims.note(began.elapsed());
            if let Some(since) = without_since {
                course.gaps.note(since.elapsed());
            }
            if let Some(hold) = hold {
                tokio::time::sleep(pause(hold, &mut random)).await;
            }
            without_since = Some(Instant::now());
            // As long as a transcript's digest is: SHA-256 in hex.
            let completed =
                self.leases.complete(lease.shard, &lease.id, lease.epoch, &"0".repeat(64)).await?;
            self.done.fetch_add(u64::from(completed == Completed::Done), Ordering::Relaxed);
        }
        Ok(course)
    }

    /// Asks as a worker does that holds nothing: its own shard, and then all in their order. `None` when nothing is left.
    async fn claim(&self, home: ShardId, worker: &WorkerId) -> Result<Option<Lease>, LeaseError> {
        if let Some(lease) = self.claim_from(home, worker).await? {
            return Ok(Some(lease));
        }
        let counts = self.leases.all_counts(self.load.shards()).await?;
        for shard in shard_order(home, &counts, false) {
            if let Some(lease) = self.claim_from(shard, worker).await? {
                return Ok(Some(lease));
            }
        }
        Ok(None)
    }

    async fn claim_from(&self, shard: ShardId, worker: &WorkerId) -> Result<Option<Lease>, LeaseError> {
        claim_one(&self.leases, shard, worker, LEASE_MS).await
    }
}

/// Claims as a worker does that holds nothing.
pub(super) async fn claim_one(
    leases: &Leases,
    shard: ShardId,
    worker: &WorkerId,
    lease_ms: u64,
) -> Result<Option<Lease>, LeaseError> {
    let request = ClaimRequest {
        request_id: RequestId::random(),
        worker: worker.clone(),
        count: 1,
        lease_ms,
        alone: true,
        longest_ms: None,
    };
    Ok(leases.claim(shard, &request).await?.leases.pop())
}

/// The batch of a server that is the measurement's own.
pub(super) fn batch() -> Result<BatchId, Failure> {
    "loadtest".parse().map_err(Failure::internal)
}

fn pause(hold: Exp<f64>, random: &mut StdRng) -> Duration {
    Duration::try_from_secs_f64(hold.sample(random)).unwrap_or_default()
}

/// Puts one item into a batch of one shard that is new.
pub(super) async fn enqueue_one(leases: &Leases) -> Result<(), LeaseError> {
    leases.create_batch(&meta(leases.batch(), 1), &LeaseLimits::default()).await?;
    let load = Load { items: 1, workers: 1, hold: Duration::ZERO, measure: Duration::ZERO };
    enqueue(leases, 0..1, load).await
}

/// Puts items into the shards, each shard's the longest first, as a plan does.
async fn enqueue(leases: &Leases, items: std::ops::Range<u64>, load: Load) -> Result<(), LeaseError> {
    let mut shards: Vec<Vec<NewItem>> = vec![Vec::new(); load.shards() as usize];
    for number in items {
        let recording = Recording {
            name: format!("calls/2026-11/{number:07}-recording.mp3"),
            etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
            size_bytes: 1_234_567,
            seconds: 7_200.0 * (load.items - number) as f64 / load.items as f64,
            seconds_from: DurationSource::Header,
            part: None,
        };
        let shard = (number % u64::from(load.shards())) as usize;
        shards[shard].push(NewItem { id: recording.id(), recording });
    }
    for (shard, items) in (0..).zip(shards) {
        leases.enqueue(ShardId(shard), &items).await?;
    }
    Ok(())
}

fn meta(batch: &BatchId, shards: u32) -> BatchMeta {
    BatchMeta {
        batch: batch.clone(),
        input: "/in".to_owned(),
        output: "/out".to_owned(),
        model: ModelIdentity { name: "none".to_owned(), hash: "0".repeat(64) },
        options: TranscribeOptions::default(),
        formats: vec![Format::Json],
        subtitles: SubtitleLayout::default(),
        shards,
        splitting: Splitting::Never,
    }
}
