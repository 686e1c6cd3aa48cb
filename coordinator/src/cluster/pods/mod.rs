//! A batch's pods, as a person wants to know of them: on which node, and if not, why not.

mod last_words;
mod waiting;

pub use last_words::last_words;
pub use waiting::{why_no_pods, why_waiting};

use k8s_openapi::api::core::v1::{Event, Pod};

use super::names::INDEX;

/// A pod in a few words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PodView {
    /// Its name, which its worker has too; `None` for a place that has no pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its completion index: the shard that it begins with.
    pub index: u32,
    /// Its node, once it has one.
    pub node: Option<String>,
    /// What it does.
    pub state: PodState,
}

/// What a pod does.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PodState {
    /// It is not at work yet.
    Waiting {
        /// Why, and what to do.
        because: String,
    },
    /// Its worker is running.
    Running,
    /// It is on its way out.
    Leaving {
        /// Whether its node answers no more, so far as Kubernetes knows.
        node_lost: bool,
    },
    /// It has ended well.
    Succeeded,
    /// It has ended badly.
    Failed {
        /// Why.
        because: String,
    },
}

impl PodView {
    /// Views a pod; `events` are those of the namespace.
    #[must_use]
    pub fn of(pod: &Pod, events: &[Event]) -> Self {
        let labels = pod.metadata.labels.as_ref();
        Self {
            name: pod.metadata.name.clone(),
            index: labels.and_then(|labels| labels.get(INDEX)?.parse().ok()).unwrap_or(0),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            state: state(pod, events),
        }
    }

    /// A place of a Job that has no pod, and why.
    #[must_use]
    pub fn without_pod(index: u32, because: String) -> Self {
        Self { name: None, index, node: None, state: PodState::Waiting { because } }
    }
}

/// A pod's phase; `Pending` before it has any.
#[must_use]
pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

fn state(pod: &Pod, events: &[Event]) -> PodState {
    let status = pod.status.as_ref();
    match phase(pod) {
        "Succeeded" => PodState::Succeeded,
        "Failed" => PodState::Failed { because: last_words::why_ended(pod) },
        _ if pod.metadata.deletion_timestamp.is_some() => {
            let reason = status.and_then(|status| status.reason.as_deref());
            let node_lost = reason == Some("NodeLost") || is_unreachable(pod);
            PodState::Leaving { node_lost }
        }
        "Running" => PodState::Running,
        _ => PodState::Waiting { because: why_waiting(pod, events) },
    }
}

/// Whether the pod was told to go because its node answers no more.
fn is_unreachable(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| {
        condition.type_ == "DisruptionTarget" && condition.reason.as_deref() == Some("DeletionByTaintManager")
    })
}

#[cfg(test)]
mod tests;
