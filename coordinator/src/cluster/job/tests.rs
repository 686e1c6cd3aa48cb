//! The Job as Kubernetes gets it, word for word: the snapshots are read when they change.

use std::num::NonZeroU32;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::json;
use steno_shared::ids::BatchId;
use steno_shared::worker_config::{EngineKind, LONGEST_SECONDS};

use super::super::settings::ClusterSettings;
use super::*;

const BATCH: &str = "0123456789ab";

fn owner() -> OwnerReference {
    OwnerReference {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        name: format!("steno-{BATCH}"),
        uid: "b21fb3a4-7f3e-4ec2-a0a5-0e5a6a2e6c11".into(),
        ..OwnerReference::default()
    }
}

fn made(settings: serde_json::Value, nodes: u32) -> Job {
    made_for(settings, nodes, &EngineKind::Ctranslate2)
}

fn made_for(settings: serde_json::Value, nodes: u32, engine: &EngineKind) -> Job {
    let settings = ClusterSettings::parse(&settings.to_string()).unwrap();
    let batch: BatchId = BATCH.parse().unwrap();
    job(&JobPlan {
        batch: &batch,
        launch: 2,
        nodes: NonZeroU32::new(nodes).unwrap(),
        settings: &settings,
        engine,
        longest_seconds: LONGEST_SECONDS,
        redis_user: settings.redis.worker.as_ref(),
        owner: &owner(),
    })
}

/// As on Civo: a GPU a node, the model from the bucket.
fn gpus() -> serde_json::Value {
    json!({
        "worker": {
            "image": "steno-worker:0.1.0",
            "serviceAccount": "steno-worker",
            "nodeSelector": {"nvidia.com/gpu.present": "true"},
            "resources": {"requests": {"cpu": "4", "memory": "8Gi"}, "limits": {"memory": "16Gi"}},
        },
        "model": {
            "name": "large-v3",
            "cache": {"pod": {"source": "s3://models/large-v3", "size": "8Gi"}},
        },
        "redis": {
            "url": "redis://steno-redis:6379",
            "worker": {"user": "worker", "secret": "steno-redis", "key": "worker-password"},
        },
        "storage": {"secret": "objectstore-creds"},
    })
}

#[test]
fn on_gpu_nodes() {
    insta::assert_json_snapshot!(made(gpus(), 4));
}

#[test]
fn on_cpus_with_everything_set() {
    let settings = json!({
        "worker": {
            "image": "registry.example/steno-worker:0.1.0",
            "imagePullPolicy": "Never",
            "imagePullSecrets": [{"name": "registry"}],
            "gpus": 0,
            "tolerations": [{"key": "batch", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}],
            "runtimeClass": "nvidia",
            "priorityClass": "low",
            "spoolSize": "2Gi",
            "graceSeconds": 30,
        },
        "model": {"name": "base", "cache": {"claim": {"name": "models"}}},
        "redis": {"url": "redis://redis:6379"},
        "storage": {"secret": "objectstore-creds", "accessKeyId": "access", "secretAccessKey": "secret"},
        "job": {"retriesPerNode": 1, "keepSeconds": 60, "unreachableSeconds": 10, "queue": "transcripts"},
    });
    insta::assert_json_snapshot!(made(settings, 1));
}

#[test]
fn a_node_s_own_cache_is_written_by_the_init_container_only() {
    let mut settings = gpus();
    settings["model"]["cache"] =
        json!({"node": {"path": "/var/lib/steno/models", "source": "s3://models/large-v3"}});
    let pod = made(settings, 2).spec.unwrap().template.spec.unwrap();
    let read_only = |container: &k8s_openapi::api::core::v1::Container| {
        let mounts = container.volume_mounts.as_ref().unwrap();
        mounts.iter().find(|mount| mount.name == "models").unwrap().read_only
    };
    assert_eq!(read_only(&pod.containers[0]), Some(true));
    assert_eq!(read_only(&pod.init_containers.unwrap()[0]), Some(false));
    let volume = pod.volumes.unwrap().into_iter().find(|volume| volume.name == "models").unwrap();
    assert_eq!(volume.host_path.unwrap().path, "/var/lib/steno/models");
}

/// It runs where the real one would, taints and labels of GPU nodes and all, and takes nothing there that costs money or time.
#[test]
fn a_rehearsal_needs_neither_model_nor_gpu() {
    let engine = EngineKind::Simulated { speeds: vec![100.0] };
    let pod = |engine: &EngineKind| made_for(gpus(), 2, engine).spec.unwrap().template.spec.unwrap();
    let (rehearsal, real) = (pod(&engine), pod(&EngineKind::Ctranslate2));
    assert!(rehearsal.init_containers.is_none() && real.init_containers.is_some());
    assert_eq!((&rehearsal.node_selector, &rehearsal.tolerations), (&real.node_selector, &real.tolerations));
    let names = |pod: &k8s_openapi::api::core::v1::PodSpec| {
        let volumes = pod.volumes.as_ref().unwrap().iter().map(|volume| volume.name.clone());
        let mounts = pod.containers[0].volume_mounts.as_ref().unwrap().iter().map(|mount| mount.name.clone());
        (volumes.collect::<Vec<_>>(), mounts.collect::<Vec<_>>())
    };
    let (volumes, mounts) = names(&real);
    assert!(volumes.contains(&"models".to_owned()) && mounts.contains(&"models".to_owned()));
    let without = |names: Vec<String>| names.into_iter().filter(|name| name != "models").collect::<Vec<_>>();
    assert_eq!(names(&rehearsal), (without(volumes), without(mounts)));
    let limits = |pod: &k8s_openapi::api::core::v1::PodSpec| {
        pod.containers[0].resources.clone().unwrap().limits.unwrap().into_keys().collect::<Vec<_>>()
    };
    assert_eq!(limits(&real), ["memory", "nvidia.com/gpu"]);
    assert_eq!(limits(&rehearsal), ["memory"]);
}

#[test]
fn certificates_for_redis_are_mounted_and_named() {
    let files = |tls: serde_json::Value| {
        let mut settings = gpus();
        settings["redis"]["tls"] = tls;
        let pod = made(settings, 1).spec.unwrap().template.spec.unwrap();
        let volumes = pod.volumes.unwrap();
        let volume = volumes.into_iter().find(|volume| volume.name == "redis-tls").unwrap();
        assert_eq!(volume.secret.unwrap().secret_name.as_deref(), Some("redis-tls"));
        let container = &pod.containers[0];
        let mounts = container.volume_mounts.as_ref().unwrap();
        let folder = mounts.iter().find(|mount| mount.name == "redis-tls").unwrap().mount_path.clone();
        let named = container.env.as_ref().unwrap().iter().filter_map(|variable| variable.value.clone());
        named.filter_map(|value| Some(value.strip_prefix(&folder)?.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(files(json!({"secret": "redis-tls", "authority": true})), ["/ca.crt"]);
    assert_eq!(files(json!({"secret": "redis-tls", "clientCertificate": true})), ["/tls.crt", "/tls.key"]);
    let all = files(json!({"secret": "redis-tls", "authority": true, "clientCertificate": true}));
    assert_eq!(all, ["/ca.crt", "/tls.crt", "/tls.key"]);
}

/// The password of its batch's own user, and of no other.
#[test]
fn a_pod_is_given_the_password_of_whom_it_comes_as() {
    let settings = ClusterSettings::parse(&gpus().to_string()).unwrap();
    let record = crate::cluster::sample::record();
    let user = crate::cluster::BatchUser::of(&record, "key");
    let job = job(&JobPlan {
        batch: &record.batch,
        launch: 1,
        nodes: NonZeroU32::MIN,
        settings: &settings,
        engine: &EngineKind::Ctranslate2,
        longest_seconds: record.request.longest_seconds,
        redis_user: Some(&user.access),
        owner: &record.owner,
    });
    let text = serde_json::to_string(&job).unwrap();
    assert!(text.contains(&user.access.secret) && !text.contains(&user.password), "{text}");
    assert!(!text.contains("worker-password"), "{text}");
}

#[test]
fn no_secret_stands_in_the_job() {
    let text = serde_json::to_string(&made(gpus(), 1)).unwrap();
    for entry in ["worker-password", "AWS_SECRET_ACCESS_KEY"] {
        assert!(text.contains(&format!("\"key\":\"{entry}\"")), "by reference: {entry}");
    }
    let pod = made(gpus(), 1).spec.unwrap().template.spec.unwrap();
    for variable in pod.containers[0].env.as_ref().unwrap() {
        let secret = variable.name.contains("AWS") || variable.name.contains("PASSWORD");
        assert!(!secret || variable.value.is_none(), "{} has its value in the Job", variable.name);
    }
}

#[test]
fn the_longest_pod_name_is_a_host_name() {
    let batch: BatchId = BATCH.parse().unwrap();
    // A pod is called JOB-INDEX-xxxxx.
    assert!(format!("{}-100000-abcde", job_name(&batch, u32::MAX)).len() <= 63);
}

#[test]
fn an_unknown_setting_is_refused() {
    let mut settings = gpus();
    settings["worker"]["nodeSelektor"] = json!({});
    let error = ClusterSettings::parse(&settings.to_string()).unwrap_err();
    assert!(error.contains("nodeSelektor"), "{error}");
}

#[test]
fn users_for_each_batch_are_made_by_a_coordinator_that_has_one() {
    let redis = |settings: serde_json::Value| {
        let mut all = gpus();
        all["redis"] = settings;
        ClusterSettings::parse(&all.to_string())
    };
    let coordinator = json!({"user": "steno", "secret": "steno-redis", "key": "coordinator-password"});
    let url = "redis://steno-redis:6379";
    assert!(redis(json!({"url": url, "userPerBatch": true, "coordinator": coordinator})).is_ok());
    for contradiction in [
        json!({"url": url, "userPerBatch": true}),
        json!({"url": url, "userPerBatch": true, "coordinator": coordinator, "worker": coordinator}),
    ] {
        assert!(redis(contradiction).unwrap_err().contains("userPerBatch needs a user for the coordinator"));
    }
}
