//! How a run begins, or goes on with, its batch in Redis.

use steno_shared::batch::BatchMeta;
use steno_shared::ids::ShardId;
use steno_shared::leases::{Created, ItemState, LeaseLimits, Leases, RedisConfig};

use super::request::RunRequest;
use crate::failure::Failure;
use crate::listing;
use crate::progress::Snapshot;
use crate::state::StateFolder;

/// A batch stays in the Redis that it began in.
pub(super) fn check_redis(request: &RunRequest, folder: &StateFolder) -> Result<(), Failure> {
    let Ok(batch) = folder.read_batch() else { return Ok(()) };
    let noted = folder.given_redis()?.map(|config| config.url);
    if noted == request.redis.as_ref().map(|config| config.url.clone()) {
        return Ok(());
    }
    Err(Failure::in_use(format!(
        "the leases of the batch in the state folder {} ({} to {}) are in {}: say {} again, or end that batch first with \
         `steno delete --state {}` (transcripts stay), or name another --state",
        folder.path().display(),
        batch.input,
        batch.output,
        noted.as_deref().unwrap_or("a private Redis"),
        noted.as_ref().map_or_else(|| "no --redis".to_owned(), |url| format!("--redis {url}")),
        folder.shown(),
    )))
}

/// Creates the batch, or goes on with the one that is there, which keeps its number of shards.
pub(super) async fn create(
    leases: &Leases,
    redis: &RedisConfig,
    folder: &StateFolder,
    meta: BatchMeta,
) -> Result<BatchMeta, Failure> {
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
        give_way(redis, folder, &other).await?;
    }
    make(leases, folder, &meta).await?;
    Ok(meta)
}

/// Makes the batch in Redis, unless it is there.
pub(super) async fn make(leases: &Leases, folder: &StateFolder, meta: &BatchMeta) -> Result<(), Failure> {
    match leases.create_batch(meta, &LeaseLimits::default()).await? {
        Created::New | Created::Same => Ok(()),
        Created::Different(other) => Err(belongs_to_another(folder, &other)),
    }
}

/// Removes another batch from the state folder if nothing has come of it yet: its model was broken or an option was
/// mistaken, and the user has mended that and runs the same command again.
async fn give_way(redis: &RedisConfig, folder: &StateFolder, other: &BatchMeta) -> Result<(), Failure> {
    let leases = Leases::connect(redis, &other.batch).await?;
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
pub(super) async fn recover(leases: &Leases, meta: &BatchMeta) -> Result<(), Failure> {
    give_back(leases, meta).await?;
    for shard in (0..meta.shards).map(ShardId) {
        leases.reopen(shard).await?;
    }
    Ok(())
}

/// Gives back what workers hold that are gone.
pub(super) async fn give_back(leases: &Leases, meta: &BatchMeta) -> Result<(), Failure> {
    for shard in (0..meta.shards).map(ShardId) {
        let held = listing::all(leases, shard, Some(ItemState::Leased)).await?;
        for row in held {
            if let Some(epoch) = row.epoch {
                leases.release(shard, &row.id, epoch).await?;
            }
        }
    }
    Ok(())
}
