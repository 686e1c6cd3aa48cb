//! What was given up although its transcript is there: its workers died, or lost a service, between publishing it and saying so.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use steno_shared::batch::BatchMeta;
use steno_shared::fingerprint::hex;
use steno_shared::ids::ShardId;
use steno_shared::leases::{Completed, ItemRow, ItemState, Leases};
use steno_shared::output_name::transcript_key;
use steno_shared::storage::Store;
use steno_shared::transcript::Format;

use super::LOOKS_AT_ONCE;
use super::transcripts::{BYTES_MAX, There, Transcripts};
use crate::failure::Failure;
use crate::listing;

/// Takes for done what is among the dead and has its whole transcript, made with the same settings. Tells how many.
///
/// # Errors
/// If Redis or the output does not answer.
pub(crate) async fn adopt_published(
    output: &Store,
    leases: &Leases,
    meta: &BatchMeta,
) -> Result<u64, Failure> {
    let transcripts = &Transcripts::new(output, meta)?;
    let mut adopted = 0;
    for shard in (0..meta.shards).map(ShardId) {
        let dead = listing::all(leases, shard, Some(ItemState::Dead)).await?;
        adopted += futures::stream::iter(dead)
            .map(|row| adopt(transcripts, leases, shard, row))
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_fold(0, |count, is_adopted| async move { Ok(count + u64::from(is_adopted)) })
            .await?;
    }
    Ok(adopted)
}

async fn adopt(
    transcripts: &Transcripts<'_>,
    leases: &Leases,
    shard: ShardId,
    row: ItemRow,
) -> Result<bool, Failure> {
    let Some(epoch) = row.epoch else { return Ok(false) };
    let Transcripts { output, meta, .. } = transcripts;
    let mut keys = HashSet::new();
    for format in &meta.formats {
        let key = transcript_key(&row.recording.name, format.extension());
        if output.head(&key).await?.is_none() {
            return Ok(false);
        }
        keys.insert(key);
    }
    if transcripts.look(&row.recording, &keys).await? != There::SameSettings {
        return Ok(false);
    }
    let key = transcript_key(&row.recording.name, Format::Json.extension());
    let Some(bytes) = output.read(&key, BYTES_MAX).await? else { return Ok(false) };
    // Refused if somebody has put it back and taken it up meanwhile.
    let completed = leases.complete(shard, &row.id, epoch, &hex(&Sha256::digest(&bytes))).await?;
    tracing::info!(name = ?row.recording.name, ?completed, "recording.adopted");
    Ok(matches!(completed, Completed::Done | Completed::Again))
}
