//! `steno submit`: a batch for a cluster.

use std::path::Path;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use steno_shared::ids::BatchId;

use crate::cluster::{BatchRequest, MANIFEST_BYTES_MAX, ModelCache};
use crate::failure::Failure;
use crate::kubernetes::{Cluster, Installation, Records, within};

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
    check_model_volume(cluster, installation).await?;
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

/// A volume for one node at a time would leave pods hanging: the coordinator has it mounted too.
async fn check_model_volume(cluster: &Cluster, installation: &Installation) -> Result<(), Failure> {
    let ModelCache::Claim { name } = &installation.settings.model.cache else { return Ok(()) };
    let claims = cluster.api::<PersistentVolumeClaim>();
    let claim = within(&format!("look at the model's volume claim {name}"), claims.get_opt(name)).await?;
    let modes = claim.map(|claim| claim.spec.unwrap_or_default().access_modes.unwrap_or_default());
    match modes {
        None => Err(Failure::unusable(format!(
            "the model's volume claim {name} does not exist; make it (see docs/kubernetes.md), or set model.cache.type to pod or \
             node in the chart's values"
        ))),
        Some(modes) if is_for_one_node(&modes) => Err(Failure::unusable(format!(
            "the model's volume claim {name} is {}: it can be mounted on one node only, and the coordinator and each worker have one of \
             their own; use a storage class with ReadWriteMany, or set model.cache.type to pod or node in the chart's values (each \
             node then fetches the model once)",
            modes.join(", ")
        ))),
        Some(_) => Ok(()),
    }
}

/// Whether a volume of these access modes can be mounted on one node only.
pub(crate) fn is_for_one_node(modes: &[String]) -> bool {
    !modes.iter().any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trap_of_a_volume_for_one_node_is_seen() {
        let modes = |modes: &[&str]| modes.iter().map(|&mode| mode.to_owned()).collect::<Vec<_>>();
        assert!(is_for_one_node(&modes(&["ReadWriteOnce"])));
        assert!(is_for_one_node(&modes(&["ReadWriteOncePod"])));
        assert!(!is_for_one_node(&modes(&["ReadWriteOnce", "ReadOnlyMany"])));
        assert!(!is_for_one_node(&modes(&["ReadWriteMany"])));
    }

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
