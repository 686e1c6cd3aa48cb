//! `steno submit`: a batch for a cluster.

use std::path::Path;

use steno_shared::ids::BatchId;

use crate::cluster::{BatchRequest, MANIFEST_BYTES_MAX};
use crate::failure::Failure;
use crate::kubernetes::{Cluster, Installation, Records, check_model_cache};

/// Writes the batch's record into the cluster, where the coordinator finds it. The same again looks through the input again.
///
/// # Errors
/// If the request cannot be met, or the cluster refuses it.
pub async fn submit(
    cluster: &Cluster,
    installation: &Installation,
    request: &BatchRequest,
    manifest: Option<&Path>,
) -> Result<BatchId, Failure> {
    let manifest = manifest.map(read_manifest).transpose()?;
    if !request.engine.is_simulated() {
        check_model_cache(cluster, &installation.settings.model.cache).await?;
    }
    Records::of(cluster).submit(request, manifest.as_deref(), installation).await
}

fn read_manifest(path: &Path) -> Result<String, Failure> {
    let failed = |cause: &dyn std::fmt::Display| {
        Failure::usage(format!("failed to read the manifest {}: {cause}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    if text.len() > MANIFEST_BYTES_MAX {
        return Err(failed(&format!(
            "it has {} bytes, and at most {MANIFEST_BYTES_MAX} travel with a request; leave it out to have the input listed, or \
             split it",
            text.len()
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_is_too_long_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.txt");
        std::fs::write(&path, "a.mp3\n".repeat(200_000)).unwrap();
        let error = read_manifest(&path).unwrap_err().to_string();
        assert!(error.contains("leave it out"), "{error}");
        std::fs::write(&path, "a.mp3\n").unwrap();
        assert_eq!(read_manifest(&path).unwrap(), "a.mp3\n");
    }
}
