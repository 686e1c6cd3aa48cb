//! Names and labels of a batch's objects: from the batch alone, so that whoever makes one twice is told that it exists.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use steno_shared::ids::BatchId;

/// Label with the batch's id, on everything that belongs to a batch.
pub const BATCH: &str = "steno/batch";
/// Label with the number of the launch: a requeue after the end launches again.
const LAUNCH: &str = "steno/launch";
/// Label of a pod of an Indexed Job with its completion index, from which its shard comes.
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// Selects the records of batches.
pub const BATCHES: &str = "app.kubernetes.io/name=steno,app.kubernetes.io/component=batch";
/// Selects the settings of the installation.
pub const SETTINGS: &str = "app.kubernetes.io/name=steno,app.kubernetes.io/component=settings";
/// Selects the pods and Jobs of all batches.
pub const WORKERS: &str = "app.kubernetes.io/name=steno,app.kubernetes.io/component=worker";
/// Selects the coordinator's pods.
pub const COORDINATOR: &str = "app.kubernetes.io/name=steno,app.kubernetes.io/component=coordinator";
/// Selects the installation's own Redis.
pub const REDIS: &str = "app.kubernetes.io/name=steno,app.kubernetes.io/component=redis";
/// Label by which Kueue admits a Job.
pub(super) const QUEUE: &str = "kueue.x-k8s.io/queue-name";

/// Name of the Job of a batch's launch, counted from 1. A pod's name adds an index and six characters to it and must stay
/// within the 63 of a host name.
#[must_use]
pub fn job_name(batch: &BatchId, launch: u32) -> String {
    format!("steno-{batch}-{launch}")
}

/// Name of the ConfigMap with what the workers of a launch are told.
#[must_use]
pub fn config_map_name(batch: &BatchId, launch: u32) -> String {
    job_name(batch, launch)
}

/// The launch that a Job or pod is of; 0 if it has no label that says so.
#[must_use]
pub fn launch_of(metadata: &ObjectMeta) -> u32 {
    metadata.labels.as_ref().and_then(|labels| labels.get(LAUNCH)?.parse().ok()).unwrap_or(0)
}

/// Name of the record of a batch, a ConfigMap.
#[must_use]
pub fn record_name(batch: &BatchId) -> String {
    format!("steno-{batch}")
}

/// Selects the Jobs and pods of a batch.
#[must_use]
pub fn workers_of(batch: &BatchId) -> String {
    format!("{WORKERS},{BATCH}={batch}")
}

/// The labels of a batch's record.
pub(super) fn record_labels(batch: &BatchId) -> BTreeMap<String, String> {
    component_labels("batch", batch)
}

/// The labels of a launch's Job and pods.
pub(super) fn labels(batch: &BatchId, launch: u32) -> BTreeMap<String, String> {
    let mut labels = component_labels("worker", batch);
    labels.insert(LAUNCH.to_owned(), launch.to_string());
    labels
}

fn component_labels(component: &str, batch: &BatchId) -> BTreeMap<String, String> {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    BTreeMap::from([
        label("app.kubernetes.io/name", "steno"),
        label("app.kubernetes.io/component", component),
        label("app.kubernetes.io/managed-by", "steno"),
        label(BATCH, batch.as_str()),
    ])
}

/// Selects all worker pods of all batches: no two of them share a node.
pub(super) fn worker_pods() -> LabelSelector {
    let labels = [("app.kubernetes.io/name", "steno"), ("app.kubernetes.io/component", "worker")];
    LabelSelector {
        match_labels: Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
        ..LabelSelector::default()
    }
}
