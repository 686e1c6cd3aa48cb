//! `steno run`: the whole job on this machine.

mod model;
mod outcome;
mod request;
mod supervision;

pub use request::{Engine, RunRequest};

use std::time::{Duration, Instant};

use steno_shared::batch::BatchMeta;
use steno_shared::fingerprint::hex;
use steno_shared::ids::{BatchId, ShardId};
use steno_shared::leases::{Created, LeaseLimits, Leases, RedisConfig};
use steno_shared::simulated;
use steno_shared::storage::Store;
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::worker_config::{WorkLimits, WorkerConfig};

use crate::backlog::{Backlog, Intake, adopt_published, check_output};
use crate::existing::Existing;
use crate::failure::Failure;
use crate::machine::{Machine, Spread};
use crate::programs::Programs;
use crate::progress::{Display, EngineTime, Estimate, Snapshot};
use crate::quantities::{audio, counted};
use crate::simulated_output::{check_for_simulated, refuse_simulated};
use crate::state::{BatchRedis, StateFolder};
use crate::summary::{Outcome, Summary};
use crate::supervise::Workers;
use model::Model;
use supervision::{Supervision, Watched};

/// How long a local lease lasts without renewal: short, since the processes share a machine.
const LEASE_MS: u64 = 15_000;
/// How often a local worker tells what it does.
const REPORT_MS: u64 = 500;
/// How often a backlog is taken in, when Redis loses it.
const INTAKES_MAX: u32 = 10;
/// How long the coordinator waits for Redis where it only looks.
const LOOK_BUDGET: Duration = Duration::from_secs(2);

/// Runs a batch to its end, or until it is stopped.
///
/// # Errors
/// If the run cannot start, or cannot go on; what is done stays done, and the same command goes on.
pub async fn run(request: RunRequest) -> Result<Summary, Failure> {
    let started = Instant::now();
    let programs = Programs::find()?;
    let model = Model::open(&request.engine)?;
    let (input, output) = open_stores(&request).await?;
    let machine = Machine::look();
    let machine = if request.uses_gpu() { machine } else { Machine { gpus: 0, ..machine } };
    let spread = machine.spread(model.weights_bytes, request.workers, request.threads);
    let meta = describe(&request, &model, spread)?;
    let folder = StateFolder::for_batch(request.state.as_deref(), &meta.input, short(&meta.batch))?;
    let _lock = folder.lock()?;
    folder.prepare()?;
    folder.give_redis(request.redis.as_ref())?;
    folder.give_manifest(request.manifest.as_deref())?;
    let mut redis = BatchRedis::open(&folder, Programs::find_redis_server).await?;
    let outcome = async {
        let leases = Leases::connect(&folder.redis()?, &meta.batch).await?;
        let meta = create(&leases, &folder, meta).await?;
        folder.write_batch(&meta)?;
        if let Engine::Simulated { .. } = request.engine {
            simulated::mark(&output).await?;
        }
        recover(&leases, &meta, redis.is_private()).await?;
        let intake = Intake {
            input: &input,
            output: &output,
            leases: &leases,
            meta: &meta,
            manifest: request.manifest.as_deref(),
            existing: request.existing,
        };
        let mut finished_before = None;
        let mut intakes = 0;
        let (supervision, backlog, before, outcome) = loop {
            intakes += 1;
            let display = Display::new(spread.workers);
            let say = |message: &str| display.say(message);
            let backlog = tokio::select! {
                taken = intake.take(&say) => taken?,
                () = supervision::interrupted() => {
                    return Err(Failure::interrupted(
                        "stopped before any recording was begun; the same command goes on",
                    ));
                }
            };
            let before = Snapshot::read(&leases, meta.shards).await?;
            finished_before.get_or_insert(backlog.published + before.totals.done);
            let spread = fit(&request, &machine, spread, before.totals.open());
            announce(&display, &meta, &backlog, spread, &folder);
            let config = worker_config(&request, &model, &programs, folder.redis()?, &folder, &meta, spread);
            folder.write("worker.json", &config)?;
            let workers =
                Workers::new(programs.worker.clone(), folder.clone(), machine.gpus, !redis.is_private());
            let mut supervision = Supervision {
                leases: leases.clone().with_retry_budget(LOOK_BUDGET),
                meta: &meta,
                workers,
                folder: &folder,
                redis: &mut redis,
                display,
                estimate: Estimate::from(before.behind_ms()),
                engine_time: EngineTime::default(),
                in_batch: backlog.in_batch(),
            };
            match supervision.run(spread.workers).await? {
                Watched::Over(outcome) => break (supervision, backlog, before, outcome),
                Watched::Lost if intakes == INTAKES_MAX => {
                    return Err(Failure::lost(
                        "Redis loses what it is given again and again; see that nothing else uses it and that it keeps an \
                         append-only file, then run again",
                    ));
                }
                Watched::Lost => {
                    supervision.display.say("Redis has lost recordings of the batch; taking the backlog in again.");
                    leases.create_batch(&meta, &LeaseLimits::default()).await?;
                }
            }
        };
        if matches!(outcome, Outcome::Finished) {
            let adopted = tokio::select! {
                adopted = adopt_published(&output, &leases, &meta, None) => adopted,
                () = supervision::interrupted() => Err(Failure::interrupted("stopped")),
            };
            if let Err(failure) = adopted {
                // The next run looks again.
                tracing::warn!(error = failure.message, "output.not_looked_at");
            }
        }
        supervision.display.finish();
        let engine_busy = supervision.engine_time.busy();
        let before = outcome::Before { snapshot: before, finished: finished_before.unwrap_or_default() };
        let summary = outcome::summarise(&leases, &meta, &before, &backlog, outcome, started, &folder).await?;
        Ok(Summary { engine_busy, ..summary })
    }
    .await;
    redis.stop().await;
    outcome
}

async fn open_stores(request: &RunRequest) -> Result<(Store, Store), Failure> {
    let input = Store::open(&request.input, &request.s3).await?;
    input.check_readable().await?;
    let output = Store::open(&request.output, &request.s3).await?;
    check_output(&output).await?;
    match request.engine {
        Engine::Ctranslate2 { .. } => refuse_simulated(&output).await?,
        Engine::Simulated { .. } => check_for_simulated(&output).await?,
    }
    output.sweep_temporaries().await?;
    Ok((input, output))
}

fn describe(request: &RunRequest, model: &Model, spread: Spread) -> Result<BatchMeta, Failure> {
    use sha2::{Digest as _, Sha256};
    let hash = &model.identity.hash;
    let options_hash = request.options.hash().map_err(Failure::usage)?;
    let (input, output) = (request.input.to_string(), request.output.to_string());
    let formats: Vec<&str> = request.formats.iter().map(|format| format.extension()).collect();
    let mut identity = format!("{input:?} {output:?} {hash} {options_hash} {formats:?}");
    if request.subtitles != SubtitleLayout::default() {
        identity += &serde_json::to_string(&request.subtitles).map_err(Failure::internal)?;
    }
    let batch: BatchId = hex(&Sha256::digest(identity.as_bytes())[..6]).parse().map_err(Failure::internal)?;
    Ok(BatchMeta {
        batch,
        input,
        output,
        model: model.identity.clone(),
        options: request.options.clone(),
        formats: request.formats.clone(),
        subtitles: request.subtitles,
        shards: spread.workers,
    })
}

/// Creates the batch, or goes on with the one that is there, which keeps its number of shards.
async fn create(leases: &Leases, folder: &StateFolder, meta: BatchMeta) -> Result<BatchMeta, Failure> {
    let known = leases.meta().await?;
    let meta = match &known {
        // The model folder may have another name by now; its content is part of the batch's own.
        Some(known) if known.batch == meta.batch => known.clone(),
        Some(_) | None => meta,
    };
    if known.is_none()
        && let Ok(other) = folder.read_batch()
        && other.batch != meta.batch
    {
        give_way(folder, &other).await?;
    }
    match leases.create_batch(&meta, &LeaseLimits::default()).await? {
        Created::New | Created::Same => Ok(meta),
        Created::Different(other) => Err(belongs_to_another(folder, &other)),
    }
}

/// Removes another batch from the state folder if nothing has come of it yet: its model was broken or an option was
/// mistaken, and the user has mended that and runs the same command again.
async fn give_way(folder: &StateFolder, other: &BatchMeta) -> Result<(), Failure> {
    let leases = Leases::connect(&folder.redis()?, &other.batch).await?;
    if leases.meta().await?.is_some() {
        let totals = Snapshot::read(&leases, other.shards).await?.totals;
        if totals.done + totals.dead > 0 {
            return Err(belongs_to_another(folder, other));
        }
    }
    Ok(leases.delete_batch().await?)
}

fn belongs_to_another(folder: &StateFolder, other: &BatchMeta) -> Failure {
    Failure::in_use(format!(
        "the state folder {} belongs to another batch ({} to {}, model {}, or other options or formats); name another \
         with --state, or remove it if that batch is over (finished transcripts stay where they are)",
        folder.path().display(),
        other.input,
        other.output,
        other.model.name
    ))
}

/// When the folder's lock is ours, the workers of an earlier run have ended or are about to: what they held goes back
/// at once (should one still finish, its late word is told from the current lease's by the epoch), and a batch that was
/// stopped hands out leases again. In a Redis that others use too, their workers may hold leases of the same batch: those
/// of workers that are gone run out.
async fn recover(leases: &Leases, meta: &BatchMeta, is_private: bool) -> Result<(), Failure> {
    if is_private {
        give_back(leases, meta).await?;
    }
    for shard in (0..meta.shards).map(ShardId) {
        leases.reopen(shard).await?;
    }
    Ok(())
}

/// Gives back what workers hold that are gone.
async fn give_back(leases: &Leases, meta: &BatchMeta) -> Result<(), Failure> {
    for shard in (0..meta.shards).map(ShardId) {
        let held = crate::listing::all(leases, shard, Some(steno_shared::leases::ItemState::Leased)).await?;
        for row in held {
            if let Some(epoch) = row.epoch {
                leases.release(shard, &row.id, epoch).await?;
            }
        }
    }
    Ok(())
}

/// No more workers than recordings that are left; the threads of those left out go to the others.
fn fit(request: &RunRequest, machine: &Machine, spread: Spread, open: u64) -> Spread {
    let workers = spread.workers.min(u32::try_from(open).unwrap_or(u32::MAX));
    Spread { workers, threads: request.threads.unwrap_or_else(|| machine.threads_of(workers)) }
}

fn announce(display: &Display, meta: &BatchMeta, backlog: &Backlog, spread: Spread, folder: &StateFolder) {
    let known =
        if backlog.known > 0 { format!(", {} from an earlier run", backlog.known) } else { String::new() };
    display.say(&format!(
        "{}: {}{known}, {} of new audio{}",
        meta.input,
        counted(backlog.recordings, "recording"),
        audio(backlog.new_audio_ms),
        if backlog.estimated > 0 {
            format!(" ({} estimated from their size)", backlog.estimated)
        } else {
            String::new()
        },
    ));
    if spread.workers > 0 {
        display.say(&format!(
            "{} with {}, model {}; logs in {}/logs",
            counted(u64::from(spread.workers), "worker"),
            counted(spread.threads as u64, "thread"),
            meta.model.name,
            folder.shown()
        ));
    }
}

fn worker_config(
    request: &RunRequest,
    model: &Model,
    programs: &Programs,
    redis: RedisConfig,
    folder: &StateFolder,
    meta: &BatchMeta,
    spread: Spread,
) -> WorkerConfig {
    WorkerConfig {
        meta: meta.clone(),
        redis,
        s3: request.s3.clone(),
        engine: model.engine,
        model: model.folder.clone(),
        device: request.device,
        threads: spread.threads,
        batch_size: request.batch_size,
        spool: folder.spool(),
        ffmpeg: programs.ffmpeg.clone(),
        lease_ms: LEASE_MS,
        report_ms: REPORT_MS,
        replace_existing: request.existing == Existing::Replace,
        limits: WorkLimits::default(),
    }
}

fn short(batch: &BatchId) -> &str {
    &batch.as_str()[..8.min(batch.as_str().len())]
}
