//! `steno run`: the whole job on this machine.

mod model;
mod outcome;
mod request;
mod rounds;
mod supervision;

pub use request::{Engine, RunRequest};

use std::time::Instant;

use steno_shared::batch::BatchMeta;
use steno_shared::fingerprint::hex;
use steno_shared::ids::{BatchId, ShardId};
use steno_shared::leases::{Created, LeaseLimits, Leases};
use steno_shared::simulated;
use steno_shared::storage::Store;
use steno_shared::subtitles::SubtitleLayout;

use crate::backlog::{adopt_published, check_output};
use crate::failure::Failure;
use crate::machine::{Machine, Spread};
use crate::programs::Programs;
use crate::progress::Snapshot;
use crate::simulated_output::{check_for_simulated, refuse_simulated};
use crate::state::{BatchRedis, StateFolder};
use crate::summary::{Outcome, Summary};
use model::Model;
use rounds::Rounds;
use supervision::Interrupts;

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
    check_redis(&request, &folder)?;
    folder.give_redis(request.redis.as_ref())?;
    let mut redis = BatchRedis::open(&folder, Programs::find_redis_server).await?;
    let outcome = async {
        let leases = Leases::connect(&folder.redis()?, &meta.batch).await?;
        let meta = create(&leases, &folder, meta).await?;
        folder.write_batch(&meta)?;
        folder.keep_manifest(request.manifest.as_deref())?;
        if let Engine::Simulated { .. } = request.engine {
            simulated::mark(&output).await?;
        }
        recover(&leases, &meta).await?;
        let mut interrupts = Interrupts::listen()?;
        let rounds = Rounds {
            request: &request,
            programs: &programs,
            model: &model,
            machine: &machine,
            spread,
            input: &input,
            output: &output,
            leases: &leases,
            meta: &meta,
            folder: &folder,
        };
        let played = rounds.play(&mut redis, &mut interrupts).await?;
        if matches!(played.outcome, Outcome::Finished) {
            let adopted = tokio::select! {
                adopted = adopt_published(&output, &leases, &meta, None) => adopted,
                _ = interrupts.next() => Err(Failure::interrupted("stopped")),
            };
            if let Err(failure) = adopted {
                // The next run looks again.
                tracing::warn!(error = failure.message, "output.not_looked_at");
            }
        }
        let summary = outcome::summarise(&leases, &meta, &played, started, &folder).await;
        played.display.finish();
        summary
    }
    .await;
    redis.stop().await;
    outcome
}

/// A batch stays in the Redis that it began in.
fn check_redis(request: &RunRequest, folder: &StateFolder) -> Result<(), Failure> {
    let Ok(batch) = folder.read_batch() else { return Ok(()) };
    let noted = folder.given_redis()?.map(|config| config.url);
    if noted == request.redis.as_ref().map(|config| config.url.clone()) {
        return Ok(());
    }
    Err(Failure::in_use(format!(
        "the leases of the batch in the state folder {} ({} to {}) are in {}: say {} again, or end that batch first with \
         `steno delete --state {}` (transcripts stay)",
        folder.path().display(),
        batch.input,
        batch.output,
        noted.as_deref().unwrap_or("a private Redis"),
        noted.as_ref().map_or_else(|| "no --redis".to_owned(), |url| format!("--redis {url}")),
        folder.shown(),
    )))
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
/// stopped hands out leases again.
async fn recover(leases: &Leases, meta: &BatchMeta) -> Result<(), Failure> {
    give_back(leases, meta).await?;
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

fn short(batch: &BatchId) -> &str {
    &batch.as_str()[..8.min(batch.as_str().len())]
}
