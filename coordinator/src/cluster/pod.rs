//! The pod of one GPU node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, EnvVar, EnvVarSource, ObjectFieldSelector, PodAffinityTerm,
    PodAntiAffinity, PodSecurityContext, PodSpec, ResourceRequirements, SeccompProfile, SecretKeySelector,
    SecurityContext, Toleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use steno_shared::leases::{
    CA_VARIABLE, CLIENT_CERTIFICATE_VARIABLES, PASSWORD_VARIABLE, SENTINEL_PASSWORD_VARIABLE,
};

use super::job_plan::JobPlan;
use super::names::{config_map_name, worker_pods};
use super::settings::SecretKey;
use super::volumes::{CONFIG, CONFIG_FILE, MODELS, REDIS_TLS, SPOOL, mounts, source, volumes};
use crate::worker_environment::KEEP_MEMORY;

/// The user and group of all of Steno's images.
const USER: i64 = 10_001;
/// The resource of a GPU, and the taint of nodes that have one.
const GPU: &str = "nvidia.com/gpu";
/// The container that transcribes.
pub(super) const WORKER: &str = "worker";

/// The pod that each index of the Job runs.
pub(super) fn pod(plan: &JobPlan<'_>) -> PodSpec {
    let settings = plan.settings;
    let worker = &settings.worker;
    let run = |arguments: &[&str]| arguments.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let config = format!("{CONFIG}/{CONFIG_FILE}");
    let main = Container {
        name: WORKER.to_owned(),
        // Kubernetes fills in $(…) from the environment: the completion index is the shard to begin with.
        args: Some(run(&[
            "run",
            "--config",
            &config,
            "--name",
            "$(POD_NAME)",
            "--shard",
            "$(JOB_COMPLETION_INDEX)",
        ])),
        resources: Some(resources(plan)),
        volume_mounts: Some(mounts(true, plan)),
        ..container(plan)
    };
    let model = source(&settings.model.cache).filter(|_| !plan.engine.is_simulated());
    let fetch = model.map(|source| Container {
        name: "model".to_owned(),
        args: Some(run(&[
            "pull-model",
            "--config",
            &config,
            "--from",
            source,
            "--to",
            &format!("{MODELS}/{}", settings.model.name),
        ])),
        volume_mounts: Some(mounts(false, plan)),
        ..container(plan)
    });
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        service_account_name: worker.service_account.clone(),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(worker.grace_seconds),
        image_pull_secrets: (!worker.image_pull_secrets.is_empty())
            .then(|| worker.image_pull_secrets.clone()),
        node_selector: (!worker.node_selector.is_empty()).then(|| worker.node_selector.clone()),
        runtime_class_name: worker.runtime_class.clone(),
        priority_class_name: worker.priority_class.clone(),
        tolerations: Some(tolerations(plan)),
        affinity: Some(one_a_node()),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            // A model's gigabytes are not walked through at each start.
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        init_containers: fetch.map(|container| vec![container]),
        containers: vec![main],
        volumes: Some(volumes(config_map_name(plan.batch, plan.launch), plan)),
        ..PodSpec::default()
    }
}

/// What both containers have in common.
fn container(plan: &JobPlan<'_>) -> Container {
    let settings = plan.settings;
    Container {
        image: Some(settings.worker.image.clone()),
        image_pull_policy: settings.worker.image_pull_policy.clone(),
        env: Some(environment(plan)),
        // The worker's last words are the end of its log: status shows them.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

fn environment(plan: &JobPlan<'_>) -> Vec<EnvVar> {
    let settings = plan.settings;
    let plain = |name: &str, value: &str| EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    };
    let secret = |name: &str, from: SecretKey| EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector { name: from.secret, key: from.key, optional: None }),
            ..EnvVarSource::default()
        }),
    };
    let pod_name = EnvVar {
        name: "POD_NAME".to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: "metadata.name".to_owned(),
                api_version: None,
            }),
            ..EnvVarSource::default()
        }),
    };
    let mut all = vec![pod_name, plain("TMPDIR", SPOOL)];
    all.extend(KEEP_MEMORY.map(|(name, value)| plain(name, value)));
    if let Some(worker) = plan.redis_user {
        let password = SecretKey { secret: worker.secret.clone(), key: worker.key.clone() };
        all.push(secret(PASSWORD_VARIABLE, password));
    }
    all.extend(settings.redis.sentinel.clone().map(|key| secret(SENTINEL_PASSWORD_VARIABLE, key)));
    if let Some(tls) = &settings.redis.tls {
        let [cert, key] = CLIENT_CERTIFICATE_VARIABLES;
        for (name, file, is_there) in [
            (CA_VARIABLE, "ca.crt", tls.authority),
            (cert, "tls.crt", tls.client_certificate),
            (key, "tls.key", tls.client_certificate),
        ] {
            all.extend(is_there.then(|| plain(name, &format!("{REDIS_TLS}/{file}"))));
        }
    }
    if let Some(storage) = &settings.storage {
        let entry = |key: &str| SecretKey { secret: storage.secret.clone(), key: key.to_owned() };
        all.push(secret("AWS_ACCESS_KEY_ID", entry(&storage.access_key_id)));
        all.push(secret("AWS_SECRET_ACCESS_KEY", entry(&storage.secret_access_key)));
    }
    all
}

/// GPUs of a pod.
fn gpus(plan: &JobPlan<'_>) -> u32 {
    if plan.engine.is_simulated() { 0 } else { plan.settings.worker.gpus }
}

/// The installation's resources, and the GPUs, of which request and limit must be the same.
fn resources(plan: &JobPlan<'_>) -> ResourceRequirements {
    let mut resources = plan.settings.worker.resources.clone();
    let gpus = gpus(plan);
    if gpus > 0 {
        resources.limits.get_or_insert_with(BTreeMap::new).insert(GPU.to_owned(), Quantity(gpus.to_string()));
    }
    resources
}

/// Taints of GPU nodes among them, also of pods that use none: they run where the real ones would.
fn tolerations(plan: &JobPlan<'_>) -> Vec<Toleration> {
    let settings = plan.settings;
    let exists = |key: &str, effect: &str, seconds: Option<i64>| Toleration {
        key: Some(key.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some(effect.to_owned()),
        toleration_seconds: seconds,
        value: None,
    };
    let patience = Some(settings.job.unreachable_seconds);
    let mut all = vec![
        exists("node.kubernetes.io/not-ready", "NoExecute", patience),
        exists("node.kubernetes.io/unreachable", "NoExecute", patience),
    ];
    if settings.worker.gpus > 0 {
        all.push(exists(GPU, "NoSchedule", None));
    }
    all.extend(settings.worker.tolerations.iter().cloned());
    all
}

/// No two workers on one node: they would share its GPU, or its cores.
fn one_a_node() -> Affinity {
    let term = PodAffinityTerm {
        topology_key: "kubernetes.io/hostname".to_owned(),
        label_selector: Some(worker_pods()),
        ..PodAffinityTerm::default()
    };
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(vec![term]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}
