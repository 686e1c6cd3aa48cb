//! `steno-worker pull-model`: what a pod does before it works, where the model is not there already.

use std::path::Path;

use steno_shared::exit::Exit;
use steno_shared::model_cache::{PullError, Steps, pull};
use steno_shared::storage::{Location, Store};

use crate::farewell;
use crate::run::{StartError, read_config};

/// Brings the batch's model from `from` into the folder `to`. Returns the exit code.
pub async fn pull_model(config_path: &Path, from: &Location, to: &Path) -> Exit {
    match bring(config_path, from, to).await {
        Ok(()) => Exit::Success,
        Err(error) => {
            tracing::error!(error = error.message, "model.not_pulled");
            farewell::say(&error.message);
            error.exit
        }
    }
}

async fn bring(config_path: &Path, from: &Location, to: &Path) -> Result<(), StartError> {
    let config = read_config(config_path)?;
    let source =
        Store::open(from, &config.s3).await.map_err(|error| StartError::new(Exit::Unusable, error))?;
    let steps = Steps::default();
    let progress = |bytes: u64| {
        if steps.is_next(bytes) {
            tracing::info!(bytes, "model.fetching");
        }
    };
    let pulled = pull(&source, to, Some(&config.meta.model.hash), &progress)
        .await
        .map_err(|error| StartError::new(exit_of(&error), error))?;
    tracing::info!(bytes = pulled.fetched_bytes, folder = %to.display(), "model.ready");
    Ok(())
}

/// A cache that cannot be written is this node's own trouble: another pod may do better.
fn exit_of(error: &PullError) -> Exit {
    match error {
        PullError::Cache { .. } => Exit::Lost,
        PullError::Source(_)
        | PullError::Incomplete { .. }
        | PullError::NoChecksum { .. }
        | PullError::Damaged(_)
        | PullError::Other { .. } => error.exit(),
    }
}
