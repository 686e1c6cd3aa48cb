//! apalis: https://docs.rs/apalis-redis, its example, and https://docs.rs/apalis, "Usage" and "Retries".

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apalis::layers::WorkerBuilderExt;
use apalis::layers::retry::RetryPolicy;
use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use serde::{Deserialize, Serialize};

const AT_ONCE: u64 = 1000;
const QUIET: Duration = Duration::from_secs(1);
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recording {
    name: String,
    etag: String,
    size_bytes: u64,
    seconds: u64,
}

/// How long each slot of the worker was without an item: from the end of one to the begin of the next.
#[derive(Clone, Default)]
struct Course {
    slots: usize,
    begun: Arc<AtomicUsize>,
    done: Arc<AtomicU64>,
    ends: Arc<Mutex<VecDeque<Instant>>>,
    gaps: Arc<Mutex<Vec<Duration>>>,
}

impl Course {
    fn begin(&self) {
        if self.begun.fetch_add(1, Ordering::Relaxed) < self.slots {
            return;
        }
        if let Some(end) = self.ends.lock().unwrap().pop_front() {
            self.gaps.lock().unwrap().push(end.elapsed());
        }
    }

    fn end(&self) {
        self.ends.lock().unwrap().push_back(Instant::now());
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [url, rest @ ..] = words.as_slice() else { return Err("the address of Redis is missing".into()) };
    let storage = RedisStorage::new(apalis_redis::connect(*url).await?);
    let config = Config::default().queue("transcribe");
    match rest {
        ["enqueue", items] => enqueue(storage.with_config(config), items.parse()?).await,
        ["work", workers, seconds] => {
            work(storage.with_config(config), workers.parse()?, Duration::from_secs(seconds.parse()?)).await
        }
        // What a worker has that was not heard of for so many intervals is taken from it.
        ["hold", "default"] => hold(storage.with_config(config)).await,
        ["hold", lease] => {
            let interval = Duration::from_secs(lease.parse()?).div_f64(3.0);
            hold(storage.with_config(config.heartbeat_interval(interval).missed_heartbeats(3))).await
        }
        _ => Err("enqueue N, work WORKERS SECONDS or hold LEASE".into()),
    }
}

async fn enqueue(mut storage: RedisStorage<Recording>, items: u64) -> Result<(), Failure> {
    let began = Instant::now();
    for start in (0..items).step_by(AT_ONCE as usize) {
        let recordings = (start..items.min(start + AT_ONCE)).map(|number| Recording {
            name: format!("calls/2026-11/{number:07}-recording.mp3"),
            etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
            size_bytes: 1_234_567,
            seconds: 600,
        });
        storage.push_bulk(recordings.collect()).await?;
        make_ready(&mut storage).await?;
    }
    println!("{{\"done\": {items}, \"seconds\": {}}}", began.elapsed().as_secs_f64());
    Ok(())
}

/// Makes what was put in ready, as the first worker that asks does: each task is put in as one that is due now, and the worker moves all that
/// are due in one go, which fails ("too many results to unpack") where some 8,000 wait.
async fn make_ready(storage: &mut RedisStorage<Recording>) -> Result<(), Failure> {
    let config = storage.get_config().clone();
    redis::Script::new(
        "local due = redis.call('zrange', KEYS[1], 0, ARGV[1] - 1)
        if #due > 0 then
            redis.call('rpush', KEYS[2], unpack(due))
            redis.call('zrem', KEYS[1], unpack(due))
            redis.call('del', KEYS[3])
            redis.call('lpush', KEYS[3], 1)
        end",
    )
    .key(config.scheduled_jobs_set())
    .key(config.active_jobs_list())
    .key(config.signal_list())
    .arg(AT_ONCE)
    .invoke_async::<()>(storage.get_connection())
    .await?;
    Ok(())
}

/// One worker with a concurrency, until nothing more comes or the time is over.
async fn work(storage: RedisStorage<Recording>, workers: usize, limit: Duration) -> Result<(), Failure> {
    let course = Course { slots: workers, ..Course::default() };
    let worker = WorkerBuilder::new("one")
        .backend(storage)
        .concurrency(workers)
        .parallelize(tokio::spawn)
        .retry(RetryPolicy::retries(3))
        .data(course.clone())
        .build(|_: Recording, course: Data<Course>| async move {
            course.begin();
            course.end();
            Ok::<_, BoxDynError>("0".repeat(64))
        });
    let began = Instant::now();
    let running = tokio::spawn(worker.run());
    let (mut last, mut since) = (0, Instant::now());
    // It is over when nothing was done for a second: it tells nobody that the queue is empty.
    while began.elapsed() < limit && since.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let done = course.done.load(Ordering::Relaxed);
        if done != last || done == 0 {
            (last, since) = (done, Instant::now());
        }
    }
    if running.is_finished() {
        running.await??;
    } else {
        running.abort();
    }
    let seconds = since.duration_since(began).as_secs_f64();
    let mut gaps = std::mem::take(&mut *course.gaps.lock().unwrap());
    gaps.sort();
    let gap_ms = |share: f64| {
        let index = ((gaps.len() as f64 * share) as usize).min(gaps.len().saturating_sub(1));
        gaps.get(index).map_or(0.0, |gap| gap.as_secs_f64() * 1e3)
    };
    println!(
        "{{\"done\": {last}, \"seconds\": {seconds}, \"gap_p50_ms\": {}, \"gap_p99_ms\": {}}}",
        gap_ms(0.5),
        gap_ms(0.99)
    );
    Ok(())
}

/// A worker that says when it has an item, and keeps it.
async fn hold(storage: RedisStorage<Recording>) -> Result<(), Failure> {
    WorkerBuilder::new(format!("worker-{}", std::process::id()))
        .backend(storage)
        .concurrency(1)
        .parallelize(tokio::spawn)
        .retry(RetryPolicy::retries(3))
        .build(|_: Recording| async move {
            println!("held");
            std::future::pending::<Result<(), BoxDynError>>().await
        })
        .run()
        .await?;
    Ok(())
}
