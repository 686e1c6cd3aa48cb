//! What the workers of a launch are told, and the ConfigMap that tells it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use steno_shared::batch::BatchMeta;
use steno_shared::leases::RedisConfig;
use steno_shared::worker_config::{WorkLimits, WorkerConfig};

use super::job_plan::JobPlan;
use super::names::{config_map_name, labels};
use super::settings::{RedisSettings, RedisUser};
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
    existing: Existing,
    plan: &JobPlan<'_>,
) -> Result<ConfigMap, String> {
    let settings = plan.settings;
    let model = if plan.engine.is_simulated() {
        PathBuf::new()
    } else {
        PathBuf::from(MODELS).join(&settings.model.name)
    };
    let config = WorkerConfig {
        meta: meta.clone(),
        workers: plan.nodes.get(),
        redis: RedisConfig {
            awaits_user: settings.redis.user_per_batch,
            ..redis_config(&settings.redis, plan.redis_user)
        },
        s3: settings.s3.clone(),
        engine: plan.engine.clone(),
        model,
        device: settings.worker.device,
        threads: settings.worker.threads.max(1),
        batch_size: settings.worker.batch_size,
        spool: SPOOL.into(),
        ffmpeg: FFMPEG.into(),
        lease_ms: LEASE_MS,
        report_ms: REPORT_MS,
        replace_existing: existing == Existing::Replace,
        limits: WorkLimits::up_to(plan.longest_seconds),
    };
    let json = serde_json::to_string_pretty(&config).map_err(|error| error.to_string())?;
    Ok(ConfigMap {
        metadata: ObjectMeta {
            name: Some(config_map_name(plan.batch, plan.launch)),
            labels: Some(labels(plan.batch, plan.launch)),
            owner_references: Some(vec![plan.owner.clone()]),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(CONFIG_FILE.to_owned(), json)])),
        ..ConfigMap::default()
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use serde_json::{Value, json};
    use steno_shared::ids::BatchId;
    use steno_shared::worker_config::EngineKind;

    use super::super::sample::{meta, record};
    use super::super::{BatchUser, ClusterSettings};
    use super::*;

    /// What workers are told by an installation with this Redis.
    fn told(redis: &Value, redis_user: Option<&RedisUser>, engine: &EngineKind) -> WorkerConfig {
        let settings = json!({
            "worker": {"image": "steno-worker"},
            "model": {"name": "tiny", "cache": {"claim": {"name": "models"}}},
            "redis": redis,
        });
        let settings = ClusterSettings::parse(&settings.to_string()).unwrap();
        let record = record();
        let batch: BatchId = record.batch.clone();
        let nodes = NonZeroU32::new(3).unwrap();
        let plan = JobPlan {
            batch: &batch,
            launch: 1,
            nodes,
            settings: &settings,
            engine,
            longest_seconds: record.request.longest_seconds,
            redis_user,
            owner: &record.owner,
        };
        let map = worker_config_map(&meta(), Existing::Keep, &plan).unwrap();
        serde_json::from_str(&map.data.unwrap()[CONFIG_FILE]).unwrap()
    }

    #[test]
    fn a_batch_s_own_user_is_named_and_waited_for() {
        let coordinator = json!({"secret": "steno-redis", "key": "coordinator-password"});
        let redis = json!({"url": "redis://redis:6379", "coordinator": coordinator, "userPerBatch": true});
        let user = BatchUser::of(&record(), "key");
        let own = told(&redis, Some(&user.access), &EngineKind::Ctranslate2).redis;
        assert_eq!(
            (own.url.as_str(), own.awaits_user),
            ("redis://steno-worker-0123456789ab@redis:6379", true)
        );
        let one_for_all = told(&json!({"url": "redis://redis:6379"}), None, &EngineKind::Ctranslate2).redis;
        assert_eq!((one_for_all.url.as_str(), one_for_all.awaits_user), ("redis://redis:6379", false));
    }

    #[test]
    fn a_rehearsal_has_no_model() {
        let redis = json!({"url": "redis://redis:6379"});
        let engine = EngineKind::Simulated { speeds: vec![50.0, 100.0] };
        let rehearsal = told(&redis, None, &engine);
        assert_eq!((rehearsal.engine, rehearsal.model), (engine, PathBuf::new()));
        let real = told(&redis, None, &EngineKind::Ctranslate2);
        assert_eq!((real.model, real.workers), (PathBuf::from("/models/tiny"), 3));
        assert_eq!(real.limits, WorkLimits::up_to(20 * 3600));
    }

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
