//! `steno reconcile`: a batch built anew in Redis from what is in the input and the output, also while workers live.

use std::num::NonZeroU32;
use std::path::Path;

use steno_shared::leases::{Created, LeaseLimits};
use steno_shared::storage::{Location, Store};

use crate::backlog::{Backlog, Intake};
use crate::existing::Existing;
use crate::failure::Failure;
use crate::inspect::Access;
use crate::quantities::counted;

/// Takes the backlog of a batch in again: what Redis has lost comes back, what is transcribed stays done, and what Redis knows
/// stays as it is. Tells what came of it.
///
/// # Errors
/// If the batch cannot be told, or a service does not answer; doing it again goes on.
pub async fn reconcile(state: Option<&Path>, say: &(dyn Fn(&str) + Sync)) -> Result<String, Failure> {
    let access = Access::reach(state).await?;
    let taken = take_in(&access, say).await;
    access.close().await;
    let Backlog { recordings, known, published, kept, .. } = taken?;
    let back = recordings - known - published - kept;
    Ok(format!(
        "{}: {known} known to Redis, {} transcribed, {back} put back",
        counted(recordings, "recording"),
        published + kept,
    ))
}

async fn take_in(access: &Access, say: &(dyn Fn(&str) + Sync)) -> Result<Backlog, Failure> {
    let config = access.folder.read_worker_config()?;
    let manifest = access.folder.manifest();
    let place = |text: &str| text.parse::<Location>().map_err(Failure::usage);
    let input = Store::open(&place(&access.meta.input)?, &config.s3).await?;
    let output = Store::open(&place(&access.meta.output)?, &config.s3).await?;
    match access.leases.create_batch(&access.meta, &LeaseLimits::default()).await? {
        Created::New | Created::Same => {}
        Created::Different(_) => {
            return Err(Failure::in_use(format!(
                "Redis has another batch under the name of that of {}",
                access.folder.path().display()
            )));
        }
    }
    Intake {
        input: &input,
        output: &output,
        leases: &access.leases,
        meta: &access.meta,
        manifest: manifest.as_deref().map(|path| (path, path.display().to_string())),
        existing: if config.replace_existing { Existing::Replace } else { Existing::Keep },
        workers: NonZeroU32::new(config.workers).unwrap_or(NonZeroU32::MIN),
        longest_seconds: config.limits.audio_seconds,
    }
    .take(say)
    .await
}
