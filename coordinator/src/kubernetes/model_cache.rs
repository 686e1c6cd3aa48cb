//! Whether the model's cache can serve all nodes.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::client::{Cluster, within};
use crate::cluster::{ModelCache, judge_model_claim};
use crate::failure::Failure;

/// Says how the cache is.
///
/// # Errors
/// If only one node could use it, or its claim cannot be looked at.
pub async fn check_model_cache(cluster: &Cluster, cache: &ModelCache) -> Result<String, Failure> {
    match cache {
        ModelCache::Claim { name } => {
            let claims = cluster.api::<PersistentVolumeClaim>();
            let claim =
                within(&format!("look at the model's volume claim {name}"), claims.get_opt(name)).await?;
            judge_model_claim(name, claim).map_err(Failure::unusable)
        }
        ModelCache::Node { path, source } => Ok(format!("{path} on each node, filled once from {source}")),
        ModelCache::Pod { source, .. } => Ok(format!("each pod fetches the model from {source}")),
    }
}
