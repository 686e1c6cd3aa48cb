//! `steno run`: the whole job on this machine.

mod begin;
mod model;
mod outcome;
mod request;
mod rounds;
mod standing;
mod supervision;
mod turn;

pub use request::{Engine, RunRequest};

use std::num::NonZeroU32;
use std::time::Instant;

use steno_shared::batch::BatchMeta;
use steno_shared::fingerprint::hex;
use steno_shared::ids::BatchId;
use steno_shared::leases::Leases;
use steno_shared::simulated;
use steno_shared::storage::Store;
use steno_shared::subtitles::SubtitleLayout;

use crate::backlog::{adopt_published, check_output};
use crate::failure::Failure;
use crate::machine::{Machine, Spread};
use crate::plan::shards_for;
use crate::programs::Programs;
use crate::simulated_output::check_kind;
use crate::state::{BatchRedis, StateFolder};
use crate::summary::{Outcome, Summary};
use begin::{check_redis, create, recover};
use model::Model;
use rounds::Rounds;
pub use supervision::{Interrupts, Urgency};
use turn::Turn;

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
    let mut redis = BatchRedis::open(&folder).await?;
    let mut turn = None;
    let outcome = async {
        let leases = Leases::connect(&redis.config(), &meta.batch).await?;
        if !redis.is_private() {
            turn = Some(Turn::take(&leases, &folder).await?);
        }
        let meta = create(&leases, &redis.config(), &folder, meta).await?;
        folder.write_batch(&meta)?;
        folder.keep_manifest(request.manifest.as_deref(), input.location())?;
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
    if let Some(turn) = turn {
        turn.end().await;
    }
    redis.stop().await;
    outcome
}

async fn open_stores(request: &RunRequest) -> Result<(Store, Store), Failure> {
    let input = Store::open(&request.input, &request.s3).await?;
    input.check_readable().await?;
    let output = Store::open(&request.output, &request.s3).await?;
    check_output(&output).await?;
    check_kind(&output, matches!(request.engine, Engine::Simulated { .. })).await?;
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
        shards: NonZeroU32::new(spread.workers).map_or(1, |workers| shards_for(workers).get()),
        splitting: request.splitting,
    })
}

fn short(batch: &BatchId) -> &str {
    &batch.as_str()[..8.min(batch.as_str().len())]
}
