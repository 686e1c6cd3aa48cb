//! From a source to a place, by way of a folder in which the model is whole and checked.

use std::path::Path;

use steno_shared::model_cache::{self, Pulled, Steps};
use steno_shared::model_folder::{ModelFolder, SUMS};
use steno_shared::storage::{Location, S3Config, Store};

use super::hub;
use crate::failure::Failure;
use crate::progress::write_line;
use crate::quantities::grouped;

/// Brings a model to a place, whole and with checksums.
///
/// # Errors
/// If the source has no whole model, or the place cannot be written.
pub async fn pull(source: &str, to: &Location, s3: &S3Config) -> Result<Pulled, Failure> {
    match to {
        Location::Folder(folder) => into_folder(source, folder, s3).await,
        Location::S3 { .. } => {
            let target = Store::open(to, s3).await?;
            let staging = tempfile::tempdir()
                .map_err(|error| Failure::unusable(format!("failed to make a temporary folder: {error}")))?;
            let folder = staging.path().join("model");
            let pulled = into_folder(source, &folder, s3).await?;
            upload(&folder, &target).await?;
            Ok(pulled)
        }
    }
}

async fn into_folder(source: &str, folder: &Path, s3: &S3Config) -> Result<Pulled, Failure> {
    if hub::is_id(source) {
        // What the hub has is brought into a folder beside it first, and from there as from any folder.
        let staging = tempfile::tempdir_in(beside(folder)?).map_err(|error| {
            Failure::unusable(format!("failed to make a folder beside {}: {error}", folder.display()))
        })?;
        let steps = Steps::default();
        hub::download(source, staging.path(), &|bytes| tell(&steps, bytes)).await?;
        return from(&Location::Folder(staging.path().to_owned()), folder, s3).await;
    }
    let place: Location = source.parse().map_err(Failure::usage)?;
    from(&place, folder, s3).await
}

fn beside(folder: &Path) -> Result<&Path, Failure> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)
        .map_err(|error| Failure::unusable(format!("failed to make {}: {error}", parent.display())))?;
    Ok(parent)
}

async fn from(place: &Location, folder: &Path, s3: &S3Config) -> Result<Pulled, Failure> {
    let source = Store::open(place, s3).await?;
    let steps = Steps::default();
    Ok(model_cache::pull(&source, folder, None, &|bytes| tell(&steps, bytes)).await?)
}

/// The files, and the checksums last: a model without them is not taken for whole.
async fn upload(folder: &Path, target: &Store) -> Result<(), Failure> {
    let model = ModelFolder::open(folder).map_err(Failure::unusable)?;
    for name in model.names().chain([SUMS]) {
        let path = folder.join(name);
        let body = tokio::fs::read(&path)
            .await
            .map_err(|error| Failure::unusable(format!("failed to read {}: {error}", path.display())))?;
        write_line(&format!("Uploading {name}, {} bytes", grouped(body.len() as u64)));
        target.put(name, body.into(), "application/octet-stream").await?;
    }
    Ok(())
}

/// A line about how far a download is, now and then.
fn tell(steps: &Steps, bytes: u64) {
    if steps.is_next(bytes) {
        write_line(&format!("{} bytes", grouped(bytes)));
    }
}
