//! What was given up although its transcript is there: its workers died, or lost a service, between publishing it and saying so.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _};
use steno_shared::batch::BatchMeta;
use steno_shared::ids::ShardId;
use steno_shared::leases::{Completed, ItemRow, ItemState, Leases};
use steno_shared::output_name::transcript_key;
use steno_shared::storage::{StorageError, StorageErrorKind, Store};
use steno_shared::transcript::Format;

use super::LOOKS_AT_ONCE;
use super::transcripts::{There, Transcripts};
use crate::failure::Failure;
use crate::listing;

/// What was found of the dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Adopted {
    /// Taken for done: their transcripts, made with the same settings, are there in all formats.
    pub(crate) done: u64,
    /// Put back: their transcripts are there, but not in all formats, which a worker writes without transcribing again.
    pub(crate) put_back: u64,
}

/// Looks for the transcripts of what is among the dead. Where a backlog is taken in, `listed` has the output's keys, and what lacks
/// formats is put back, since workers come after it.
///
/// # Errors
/// If Redis or the output does not answer. A recording that cannot be looked for is left as it is.
pub(crate) async fn adopt_published(
    output: &Store,
    leases: &Leases,
    meta: &BatchMeta,
    listed: Option<&HashSet<String>>,
) -> Result<Adopted, Failure> {
    let transcripts = &Transcripts::new(output, meta)?;
    let mut adopted = Adopted::default();
    for shard in (0..meta.shards).map(ShardId) {
        let dead = listing::all(leases, shard, Some(ItemState::Dead)).await?;
        let looks = futures::stream::iter(dead).map(|row| async {
            let there = look(transcripts, &row, listed).await?;
            Ok::<_, Failure>((row, there))
        });
        let mut looks = std::pin::pin!(looks.buffer_unordered(LOOKS_AT_ONCE));
        while let Some((row, there)) = looks.try_next().await? {
            match (there, row.epoch) {
                (There::Whole { digest }, Some(epoch)) => {
                    // Refused if somebody has put it back and taken it up meanwhile.
                    let completed = leases.complete(shard, &row.id, epoch, &digest).await?;
                    tracing::info!(name = ?row.recording.name, ?completed, "recording.adopted");
                    adopted.done += u64::from(matches!(completed, Completed::Done | Completed::Again));
                }
                (There::Partial, Some(_)) if listed.is_some() => {
                    adopted.put_back += leases.requeue(shard, &[row.id]).await?;
                }
                (There::Whole { .. } | There::Partial | There::Nothing | There::OtherSettings, _) => {}
            }
        }
    }
    Ok(adopted)
}

/// What the output holds for one of them.
async fn look(
    transcripts: &Transcripts<'_>,
    row: &ItemRow,
    listed: Option<&HashSet<String>>,
) -> Result<There, Failure> {
    let looked = async {
        match listed {
            Some(keys) => transcripts.look(&row.recording, keys).await,
            None => transcripts.look(&row.recording, &keys_of(transcripts, row).await?).await,
        }
    };
    match looked.await {
        // Such as a name that is too long for a transcript's: it is among the dead for that.
        Err(error) if concerns_it_alone(error.kind()) => {
            tracing::info!(name = ?row.recording.name, %error, "recording.not_looked_for");
            Ok(There::Nothing)
        }
        looked => Ok(looked?),
    }
}

/// The keys of its transcript that are there; none without the JSON, from which the others are.
async fn keys_of(transcripts: &Transcripts<'_>, row: &ItemRow) -> Result<HashSet<String>, StorageError> {
    let mut keys = HashSet::new();
    for format in &transcripts.meta.formats {
        let key = transcript_key(&row.recording.name, format.extension());
        if transcripts.output.head(&key).await?.is_some() {
            keys.insert(key);
        } else if *format == Format::Json {
            break;
        }
    }
    Ok(keys)
}

fn concerns_it_alone(kind: StorageErrorKind) -> bool {
    match kind {
        StorageErrorKind::NotFound
        | StorageErrorKind::Denied
        | StorageErrorKind::Changed
        | StorageErrorKind::TooLarge
        | StorageErrorKind::InvalidKey
        | StorageErrorKind::Other => true,
        StorageErrorKind::Unreachable
        | StorageErrorKind::Credentials
        | StorageErrorKind::BucketMissing
        | StorageErrorKind::NoSpace => false,
    }
}
