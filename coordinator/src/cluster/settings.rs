//! What an installation says about its cluster: read once, from the file that the chart writes. It holds no secrets, only
//! their names.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Deserialize;

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
    /// The secret with the object store's credentials; `None` where a pod finds them otherwise.
    #[serde(default)]
    pub storage: Option<StorageSecret>,
    /// How a batch's Job behaves.
    #[serde(default)]
    pub job: JobSettings,
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

/// How workers reach the leases.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisSettings {
    /// The secret with the password of the workers' user.
    #[serde(default)]
    pub password: Option<SecretKey>,
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
