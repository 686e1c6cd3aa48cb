//! The end of a recording's way: publish, then complete; or say why not.

use std::sync::Arc;

use steno_shared::leases::{Completed, FailClass, Failed};
use steno_shared::transcript::Transcript;

use crate::farewell;
use crate::held::HeldItem;
use crate::parts::Standing;
use crate::publish::Publisher;
use crate::stage_error::StageError;
use crate::station::Station;

/// What the worker does after a recording was settled.
#[derive(Debug, PartialEq, Eq)]
pub enum After {
    /// Goes on.
    Continue,
    /// Ends with this exit code.
    End(steno_shared::exit::Exit),
}

/// Publishes a transcript, or the part of one that this lease is for, and completes the lease. The last part of a recording to be there
/// is joined with the others before it is completed.
///
/// # Errors
/// If the transcript cannot be published or Redis is away.
pub async fn publish_and_complete(
    station: &Station,
    publisher: &Publisher,
    item: &HeldItem,
    transcript: &Transcript,
) -> Result<(), StageError> {
    let recording = &item.lease.recording;
    let segments = transcript.segments.len();
    if recording.part.is_some() {
        let digest = publisher.publish_part(recording, transcript).await?;
        tracing::info!(name = ?recording.name, part = ?recording.part, segments, "part.published");
        return complete(station, item, &digest).await;
    }
    let published = publisher.publish(recording, transcript).await?;
    tracing::info!(name = ?recording.name, ours = published.ours, segments, "transcript.published");
    complete(station, item, &published.digest).await
}

/// Completes the lease of a recording, or part of one, whose transcript was already there.
///
/// # Errors
/// If the output cannot be written or Redis is away.
pub async fn complete_published(
    station: &Station,
    publisher: &Publisher,
    item: &HeldItem,
    standing: &Standing,
) -> Result<(), StageError> {
    let recording = &item.lease.recording;
    let digest = match standing {
        Standing::Whole(transcript) => publisher.complete_standing(recording, transcript).await?,
        Standing::Part { digest } => {
            publisher.join_if_all(recording).await?.unwrap_or_else(|| digest.clone())
        }
    };
    tracing::info!(name = ?recording.name, part = ?recording.part, "transcript.already_published");
    complete(station, item, &digest).await
}

async fn complete(station: &Station, item: &HeldItem, digest: &str) -> Result<(), StageError> {
    let lease = &item.lease;
    let completed = station
        .leases
        .complete(lease.shard, &lease.id, lease.epoch, digest)
        .await
        .map_err(|error| StageError::from_lease(&error))?;
    match completed {
        Completed::Done | Completed::Again => {}
        // The transcript is published and stands; whoever has the lease now will find it there.
        Completed::Superseded(_) => tracing::info!(name = ?lease.recording.name, "lease.superseded"),
    }
    Ok(())
}

/// Reports a recording that was not transcribed, or gives it back, by the kind of error.
pub async fn settle(station: &Station, item: &Arc<HeldItem>, error: StageError) -> After {
    let lease = &item.lease;
    let name = &lease.recording.name;
    let (class, message) = match error {
        StageError::Poison(message) => (FailClass::Poison, message),
        StageError::Retry(message) => (FailClass::Retry, message),
        StageError::Interrupted if item.is_lost() => {
            tracing::warn!(?name, "lease.lost");
            return After::Continue;
        }
        StageError::Interrupted => {
            release(station, item).await;
            return After::Continue;
        }
        StageError::Outage(message) => {
            tracing::warn!(?name, error = message, "service.away");
            release(station, item).await;
            return After::Continue;
        }
        StageError::Fatal { exit, message } => {
            tracing::error!(?name, error = message, "worker.cannot_work");
            farewell::say(&message);
            release(station, item).await;
            return After::End(exit);
        }
    };
    match station.leases.fail(lease.shard, &lease.id, lease.epoch, class, &message).await {
        Ok(Failed::Delayed { ms: after_ms }) => {
            tracing::warn!(?name, error = message, after_ms, "recording.will_retry");
        }
        Ok(Failed::Dead) => tracing::warn!(?name, error = message, "recording.failed"),
        Ok(Failed::Superseded(_)) => tracing::info!(?name, error = message, "lease.superseded"),
        Err(error) => tracing::warn!(?name, %error, "lease.fail_not_told"),
    }
    After::Continue
}

/// Gives a lease back at no cost. If that cannot be told, the lease runs out by itself.
pub async fn release(station: &Station, item: &HeldItem) {
    let lease = &item.lease;
    match station.leases.release(lease.shard, &lease.id, lease.epoch).await {
        Ok(_) => tracing::info!(name = ?lease.recording.name, "lease.released"),
        Err(error) => tracing::warn!(name = ?lease.recording.name, %error, "lease.release_not_told"),
    }
}
