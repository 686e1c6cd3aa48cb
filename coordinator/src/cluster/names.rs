//! Names and labels of a batch's objects: from the batch alone, so that whoever makes one twice is told that it exists.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use steno_shared::ids::BatchId;

/// Label with the batch's id, on everything that belongs to a batch.
pub(super) const BATCH: &str = "steno/batch";
/// Label with the number of the launch: a requeue after the end launches again.
const LAUNCH: &str = "steno/launch";
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

/// The labels of a launch's Job and pods.
pub(super) fn labels(batch: &BatchId, launch: u32) -> BTreeMap<String, String> {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    BTreeMap::from([
        label("app.kubernetes.io/name", "steno"),
        label("app.kubernetes.io/component", "worker"),
        label("app.kubernetes.io/managed-by", "steno"),
        label(BATCH, batch.as_str()),
        label(LAUNCH, &launch.to_string()),
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
