//! What a worker's pod mounts, and the paths that its configuration names.

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, HostPathVolumeSource, PersistentVolumeClaimVolumeSource,
    SecretVolumeSource, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::job_plan::JobPlan;
use super::settings::ModelCache;

/// Folder of the configuration.
pub(super) const CONFIG: &str = "/etc/steno";
/// The configuration's file in it, and its entry in the ConfigMap.
pub(super) const CONFIG_FILE: &str = "worker.json";
/// Folder of the certificates for Redis.
pub(super) const REDIS_TLS: &str = "/etc/steno-redis";
/// Folder of models.
pub const MODELS: &str = "/models";
/// Folder for recordings in hand, and the only one that can be written beside a model being fetched.
pub(super) const SPOOL: &str = "/spool";

/// Where the init container gets the model from; `None` when the volume holds it.
pub(super) fn source(cache: &ModelCache) -> Option<&str> {
    match cache {
        ModelCache::Claim { .. } => None,
        ModelCache::Node { source, .. } | ModelCache::Pod { source, .. } => Some(source),
    }
}

/// The volumes of a pod.
pub(super) fn volumes(config_map: String, plan: &JobPlan<'_>) -> Vec<Volume> {
    let settings = plan.settings;
    let mut volumes = vec![Volume {
        name: "config".to_owned(),
        config_map: Some(ConfigMapVolumeSource { name: config_map, ..Default::default() }),
        ..Volume::default()
    }];
    volumes.extend((!plan.engine.is_simulated()).then(|| model_volume(&settings.model.cache)));
    volumes.push(empty("spool", &settings.worker.spool_size));
    volumes.extend(settings.redis.tls.as_ref().map(|tls| Volume {
        name: "redis-tls".to_owned(),
        secret: Some(SecretVolumeSource { secret_name: Some(tls.secret.clone()), ..Default::default() }),
        ..Volume::default()
    }));
    volumes
}

fn model_volume(cache: &ModelCache) -> Volume {
    let name = "models".to_owned();
    match cache {
        ModelCache::Claim { name: claim } => Volume {
            name,
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim.clone(),
                read_only: Some(true),
            }),
            ..Volume::default()
        },
        // The folder must be there and belong to the pods' group: the node's owner, or the chart's hook, makes it.
        ModelCache::Node { path, .. } => Volume {
            name,
            host_path: Some(HostPathVolumeSource { path: path.clone(), type_: Some("Directory".to_owned()) }),
            ..Volume::default()
        },
        ModelCache::Pod { size, .. } => empty(&name, size),
    }
}

fn empty(name: &str, size: &Quantity) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource { size_limit: Some(size.clone()), medium: None }),
        ..Volume::default()
    }
}

/// The mounts of a container; only the one that fetches the model may write it.
pub(super) fn mounts(models_read_only: bool, plan: &JobPlan<'_>) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(read_only),
        ..VolumeMount::default()
    };
    let mut mounts = vec![mount("config", CONFIG, true)];
    mounts.extend((!plan.engine.is_simulated()).then(|| mount("models", MODELS, models_read_only)));
    mounts.push(mount("spool", SPOOL, false));
    mounts.extend(plan.settings.redis.tls.as_ref().map(|_| mount("redis-tls", REDIS_TLS, true)));
    mounts
}
