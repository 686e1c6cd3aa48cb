//! What an installation says about its cluster: read once, from the file that the chart writes. It holds no secrets, only
//! their names.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Deserialize;
use steno_shared::storage::S3Config;
use steno_shared::worker_config::Device;

/// The settings of an installation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSettings {
    /// The pods that transcribe.
    pub worker: WorkerSettings,
    /// Where they find the model.
    pub model: ModelSettings,
    /// How they reach the leases.
    pub redis: RedisSettings,
    /// How to reach the object store.
    #[serde(default)]
    pub s3: S3Config,
    /// The secret with the object store's credentials; `None` where a pod finds them otherwise.
    #[serde(default)]
    pub storage: Option<StorageSecret>,
    /// How a batch's Job behaves.
    #[serde(default)]
    pub job: JobSettings,
    /// What a node costs; `None` leaves costs out of status.
    #[serde(default)]
    pub price: Option<Price>,
    /// Who is told when a batch is over.
    #[serde(default)]
    pub after_drain: Option<AfterDrain>,
}

impl ClusterSettings {
    /// Reads what the chart wrote.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(json: &str) -> Result<Self, String> {
        let settings: Self = serde_json::from_str(json).map_err(|error| {
            format!("{error}; they are written by the chart: upgrade it and steno to the same version")
        })?;
        let redis = &settings.redis;
        if redis.user_per_batch && (redis.coordinator.is_none() || redis.worker.is_some()) {
            return Err("redis.userPerBatch needs a user for the coordinator, who makes those of the workers, and none for \
                        the workers"
                .to_owned());
        }
        Ok(settings)
    }
}

/// The pods that transcribe.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkerSettings {
    /// Image with `steno-worker`.
    pub image: String,
    /// `Always`, `IfNotPresent` or `Never`; Kubernetes' own rule by default.
    #[serde(default)]
    pub image_pull_policy: Option<String>,
    /// Secrets to pull it with.
    #[serde(default)]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// The account that pods run under; its token is not mounted.
    #[serde(default)]
    pub service_account: Option<String>,
    /// GPUs of a pod: 1, or 0 to transcribe on CPUs.
    #[serde(default = "one")]
    pub gpus: u32,
    /// Where the engine runs.
    #[serde(default)]
    pub device: Device,
    /// Threads of the engine.
    #[serde(default = "threads")]
    pub threads: usize,
    /// Windows of a batch; `None` for what suits the device.
    #[serde(default)]
    pub batch_size: Option<usize>,
    /// CPU and memory.
    #[serde(default)]
    pub resources: ResourceRequirements,
    /// Labels of the nodes to run on.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// Taints to run in spite of, beside those of GPU nodes.
    #[serde(default)]
    pub tolerations: Vec<Toleration>,
    /// Runtime class, where the GPU operator wants `nvidia`.
    #[serde(default)]
    pub runtime_class: Option<String>,
    /// Priority class.
    #[serde(default)]
    pub priority_class: Option<String>,
    /// Room for the recordings in hand.
    #[serde(default = "spool_size")]
    pub spool_size: Quantity,
    /// How long a pod that is told to stop may finish what it holds, in seconds.
    #[serde(default = "grace_seconds")]
    pub grace_seconds: i64,
}

/// Where workers find the model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelSettings {
    /// The model's folder within the cache.
    pub name: String,
    /// What keeps it.
    pub cache: ModelCache,
}

/// What keeps the model for a node.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ModelCache {
    /// A claim that many nodes can mount, `ReadOnlyMany` or `ReadWriteMany`, filled by `steno model pull`.
    Claim {
        /// The claim.
        name: String,
    },
    /// A folder of the node, filled by an init container once per node.
    Node {
        /// The folder on the node.
        path: String,
        /// Where the model comes from: `s3://bucket/prefix`.
        source: String,
    },
    /// A folder of the pod, filled by an init container each time.
    Pod {
        /// Where the model comes from: `s3://bucket/prefix`.
        source: String,
        /// Its size.
        size: Quantity,
    },
}

/// Where the leases are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisSettings {
    /// As the cluster's pods reach it, in any form that [`steno_shared::leases::RedisConfig`] knows; without user and password.
    pub url: String,
    /// Certificates, where they are not those of a public authority.
    #[serde(default)]
    pub tls: Option<RedisTlsSecret>,
    /// The password of Sentinels, where they have one.
    #[serde(default)]
    pub sentinel: Option<SecretKey>,
    /// As whom workers come; `None` where Redis asks nobody, or each batch has a user of its own.
    #[serde(default)]
    pub worker: Option<RedisUser>,
    /// As whom the coordinator comes, and people through it.
    #[serde(default)]
    pub coordinator: Option<RedisUser>,
    /// Whether the workers of each batch come as a user of their own ([`super::BatchUser`]), whom the coordinator makes.
    #[serde(default)]
    pub user_per_batch: bool,
}

/// A secret with certificates for Redis: `ca.crt`, and the client's `tls.crt` and `tls.key`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisTlsSecret {
    /// The secret.
    pub secret: String,
    /// Whether it has the authority that signed Redis's certificate.
    #[serde(default)]
    pub authority: bool,
    /// Whether it has the certificate that Redis asks its clients for.
    #[serde(default)]
    pub client_certificate: bool,
}

/// A user of Redis.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisUser {
    /// Its name; `None` for Redis's default one.
    #[serde(default)]
    pub user: Option<String>,
    /// The secret with the password.
    pub secret: String,
    /// The entry in it.
    pub key: String,
}

/// What a node costs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// For an hour of one node.
    pub per_node_hour: f64,
    /// In what.
    pub currency: String,
}

/// Who is told when a batch is over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AfterDrain {
    /// Gets a POST with the batch's outcome as JSON.
    pub webhook: String,
}

/// One entry of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKey {
    /// The secret.
    pub secret: String,
    /// The entry.
    pub key: String,
}

/// The object store's credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageSecret {
    /// The secret.
    pub secret: String,
    /// The entry with the access key's id.
    #[serde(default = "access_key_id")]
    pub access_key_id: String,
    /// The entry with the secret access key.
    #[serde(default = "secret_access_key")]
    pub secret_access_key: String,
}

/// How a batch's Job behaves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct JobSettings {
    /// How often a node's pod may fail and be started again.
    pub retries_per_node: i32,
    /// How long the Job stays after its end, for `kubectl` and its logs, in seconds.
    pub keep_seconds: i32,
    /// How long pods stay bound to a node that does not answer, in seconds.
    pub unreachable_seconds: i64,
    /// Queue of Kueue to wait in; the Job is made suspended then.
    pub queue: Option<String>,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self { retries_per_node: 5, keep_seconds: 24 * 3600, unreachable_seconds: 30, queue: None }
    }
}

fn one() -> u32 {
    1
}

fn threads() -> usize {
    4
}

fn spool_size() -> Quantity {
    Quantity("20Gi".to_owned())
}

fn grace_seconds() -> i64 {
    120
}

fn access_key_id() -> String {
    "AWS_ACCESS_KEY_ID".to_owned()
}

fn secret_access_key() -> String {
    "AWS_SECRET_ACCESS_KEY".to_owned()
}
