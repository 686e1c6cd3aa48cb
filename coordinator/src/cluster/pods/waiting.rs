//! Why a pod is not at work yet, in words that a person can act on.

use k8s_openapi::api::core::v1::{ContainerStateWaiting, ContainerStatus, Event, Pod};

/// Why a pod waits, and what to do. `events` are those of the namespace, in any order.
#[must_use]
pub fn why_waiting(pod: &Pod, events: &[Event]) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let scheduled = status.conditions.iter().flatten().find(|condition| condition.type_ == "PodScheduled");
    if let Some(condition) = scheduled.filter(|condition| condition.status == "False") {
        return match condition.reason.as_deref() {
            Some("SchedulingGated") => "another program of the cluster holds it back".to_owned(),
            _ => why_no_node(condition.message.as_deref().unwrap_or_default()),
        };
    }
    let init = status.init_container_statuses.iter().flatten();
    let containers: Vec<&ContainerStatus> = init.chain(status.container_statuses.iter().flatten()).collect();
    let waiting = |container: &&ContainerStatus| container.state.clone()?.waiting;
    if let Some(words) = containers.iter().filter_map(waiting).find_map(|waiting| why_not_started(&waiting)) {
        return words;
    }
    if let Some(words) = why_no_volume(pod, events) {
        return words;
    }
    let is_running =
        |container: &&&ContainerStatus| container.state.as_ref().is_some_and(|state| state.running.is_some());
    match containers.iter().find(is_running) {
        Some(init) if init.name == "model" => "fetching the model".to_owned(),
        Some(_) | None if scheduled.is_some() => "starting: pulling the image, mounting volumes".to_owned(),
        Some(_) | None => "not yet looked at by the scheduler".to_owned(),
    }
}

/// Why a Job makes no pods, from the message of its `FailedCreate` event.
#[must_use]
pub fn why_no_pods(message: &str) -> String {
    let words = if message.contains("exceeded quota") {
        "the namespace's quota allows no more such pods: raise it, or lower worker.resources in the chart's values"
    } else if message.contains("violates PodSecurity") {
        "the namespace's pod security standard allows no such pods: relax it for this namespace"
    } else {
        "the cluster takes none of its pods"
    };
    format!("{words} ({message})")
}

/// Why no node will have it, from the scheduler's summary over all nodes: the reason that a person can do something about,
/// those first that concern the nodes nearest to fitting.
fn why_no_node(message: &str) -> String {
    let has = |text: &str| message.contains(text);
    let words = if has("persistentvolumeclaim") || has("PersistentVolumeClaim") || has("unbound immediate") {
        "the volume claim that it mounts is missing or not bound; look at `kubectl get pvc`, and set model.cache in the chart's \
         values"
    } else if has("Insufficient nvidia.com/gpu") {
        "no node has a free GPU: wait for one, add GPU nodes, or leave it: the others do its work"
    } else if has("Insufficient memory") || has("Insufficient cpu") || has("Insufficient ephemeral-storage") {
        "no fitting node has the CPU, memory or disk left that worker.resources asks for: lower that, or add larger nodes"
    } else if has("anti-affinity") {
        "every fitting node has a worker already: add nodes, or leave it: the others do its work"
    } else if has("affinity/selector") {
        "no node has the labels of worker.nodeSelector: add GPU nodes, or correct the labels in the chart's values"
    } else if has("taint") {
        "the nodes have a taint that workers do not tolerate: add it to worker.tolerations in the chart's values"
    } else if has("0/0 nodes") {
        "the cluster has no nodes: add some"
    } else {
        "no node will have it"
    };
    if message.is_empty() { words.to_owned() } else { format!("{words} ({message})") }
}

fn why_not_started(waiting: &ContainerStateWaiting) -> Option<String> {
    let message = waiting.message.as_deref().unwrap_or_default();
    let words = match waiting.reason.as_deref()? {
        "ErrImagePull" | "ImagePullBackOff" => {
            "the node cannot pull the image: check image.registry, image.tag and image.pullSecrets in the chart's values"
        }
        "ErrImageNeverPull" => "the image is not on the node, and image.pullPolicy forbids to pull it",
        "InvalidImageName" => "worker.image or image.registry in the chart's values makes no image's name",
        "CreateContainerConfigError" => {
            "a secret or its entry that the pod needs is missing: make it, or correct its name in the chart's values"
        }
        "CreateContainerError" | "RunContainerError" => "the node cannot start the container",
        _ => return None,
    };
    Some(if message.is_empty() { words.to_owned() } else { format!("{words} ({message})") })
}

/// What the pod's events say of its volumes.
fn why_no_volume(pod: &Pod, events: &[Event]) -> Option<String> {
    let uid = pod.metadata.uid.as_deref()?;
    let of_pod = events.iter().filter(|event| event.involved_object.uid.as_deref() == Some(uid));
    let failed =
        of_pod.filter(|event| matches!(event.reason.as_deref(), Some("FailedAttachVolume" | "FailedMount")));
    let message =
        failed.max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0))?.message.clone()?;
    let words = if message.contains("Multi-Attach") {
        "its model volume is ReadWriteOnce and attached to another node: use a ReadWriteMany claim, or model.cache.type node or pod"
    } else if message.contains("secret") && message.contains("not found") {
        "a secret that it mounts is missing"
    } else if message.contains("hostPath type check failed") {
        "the folder of model.cache.node is not on the node: make it there, owned by group 10001"
    } else {
        "the node cannot mount its volumes"
    };
    Some(format!("{words} ({message})"))
}
