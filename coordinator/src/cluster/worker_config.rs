//! What the workers of a launch are told, and the ConfigMap that tells it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use steno_shared::batch::BatchMeta;
use steno_shared::leases::RedisConfig;
use steno_shared::worker_config::{EngineKind, WorkLimits, WorkerConfig};

use super::names::{config_map_name, labels};
use super::settings::{ClusterSettings, RedisSettings, RedisUser};
use super::volumes::{CONFIG_FILE, MODELS, SPOOL};
use crate::existing::Existing;

/// How long a pod's lease lasts without renewal: a paused or slow network costs none, a dead node's are taken over soon.
const LEASE_MS: u64 = 30_000;
/// How often a pod tells what it does.
const REPORT_MS: u64 = 2_000;
/// ffmpeg in the image.
const FFMPEG: &str = "/opt/steno/bin/ffmpeg";

/// Redis as a user of it is told: without the password.
#[must_use]
pub fn redis_config(redis: &RedisSettings, user: Option<&RedisUser>) -> RedisConfig {
    let name = user.and_then(|user| user.user.as_deref());
    RedisConfig::new(match (name, redis.url.split_once("://")) {
        (Some(name), Some((scheme, rest))) => format!("{scheme}://{name}@{rest}"),
        _ => redis.url.clone(),
    })
}

/// The ConfigMap of a launch.
///
/// # Errors
/// Something that cannot be written as JSON.
pub fn worker_config_map(
    meta: &BatchMeta,
    nodes: NonZeroU32,
    launch: u32,
    existing: Existing,
    settings: &ClusterSettings,
    redis_user: Option<&RedisUser>,
    owner: &OwnerReference,
) -> Result<ConfigMap, String> {
    let config = WorkerConfig {
        meta: meta.clone(),
        workers: nodes.get(),
        redis: RedisConfig {
            awaits_user: settings.redis.user_per_batch,
            ..redis_config(&settings.redis, redis_user)
        },
        s3: settings.s3.clone(),
        engine: EngineKind::default(),
        model: PathBuf::from(MODELS).join(&settings.model.name),
        device: settings.worker.device,
        threads: settings.worker.threads.max(1),
        batch_size: settings.worker.batch_size,
        spool: SPOOL.into(),
        ffmpeg: FFMPEG.into(),
        lease_ms: LEASE_MS,
        report_ms: REPORT_MS,
        replace_existing: existing == Existing::Replace,
        limits: WorkLimits::default(),
    };
    let json = serde_json::to_string_pretty(&config).map_err(|error| error.to_string())?;
    Ok(ConfigMap {
        metadata: ObjectMeta {
            name: Some(config_map_name(&meta.batch, launch)),
            labels: Some(labels(&meta.batch, launch)),
            owner_references: Some(vec![owner.clone()]),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(CONFIG_FILE.to_owned(), json)])),
        ..ConfigMap::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_s_name_goes_into_the_address_and_no_password_does() {
        let user = |name: Option<&str>| RedisUser {
            user: name.map(str::to_owned),
            secret: "steno-redis".into(),
            key: "worker-password".into(),
        };
        let redis = RedisSettings {
            url: "redis://steno-redis:6379".into(),
            tls: None,
            sentinel: None,
            worker: None,
            coordinator: None,
            user_per_batch: false,
        };
        let url = |user: Option<&RedisUser>| redis_config(&redis, user).url;
        assert_eq!(url(Some(&user(Some("worker")))), "redis://worker@steno-redis:6379");
        assert_eq!(url(Some(&user(None))), "redis://steno-redis:6379");
        assert_eq!(url(None), "redis://steno-redis:6379");
    }
}
