//! Pods as real clusters wrote them, shortened, and what status says of them.

use serde_json::{Value, json};

use super::*;

fn pod(status: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {
            "name": "steno-b-1-2-x7k2p",
            "uid": "u1",
            "labels": {"batch.kubernetes.io/job-completion-index": "2"},
        },
        "spec": {"nodeName": "node-1", "containers": []},
        "status": status,
    }))
    .unwrap()
}

fn unscheduled(message: &str) -> Pod {
    pod(json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message},
    ]}))
}

fn waiting(reason: &str, message: &str) -> Pod {
    pod(json!({
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{
            "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": message}},
        }],
    }))
}

fn ended(code: i32, reason: &str, message: &str) -> Pod {
    pod(json!({
        "phase": "Failed",
        "containerStatuses": [{
            "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {
                "exitCode": code, "reason": reason, "message": message, "finishedAt": "2026-11-27T10:00:00Z",
            }},
        }],
    }))
}

fn event(reason: &str, message: &str) -> Event {
    serde_json::from_value(json!({
        "metadata": {},
        "involvedObject": {"uid": "u1"},
        "reason": reason,
        "message": message,
        "lastTimestamp": "2026-11-27T10:00:00Z",
    }))
    .unwrap()
}

#[test]
fn a_pod_without_a_node_says_what_to_do() {
    for (message, words) in [
        (
            "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient \
             nvidia.com/gpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
            "no node has a free GPU",
        ),
        (
            "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
            "every fitting node has a worker already: add nodes",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
            "no node has the labels of worker.nodeSelector",
        ),
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: ml}.",
            "add it to worker.tolerations",
        ),
        ("0/2 nodes are available: 2 Insufficient memory.", "worker.resources asks for"),
        (
            "0/2 nodes are available: persistentvolumeclaim \"models\" not found.",
            "the volume claim that it mounts is missing",
        ),
        ("no nodes available to schedule pods: 0/0 nodes are available", "the cluster has no nodes"),
    ] {
        let because = why_waiting(&unscheduled(message), &[]);
        assert!(because.contains(words) && because.contains(message), "{because}");
    }
}

#[test]
fn a_pod_that_cannot_start_says_what_to_do() {
    for (reason, message, words) in [
        ("ImagePullBackOff", "Back-off pulling image \"x\"", "check image.registry"),
        ("ErrImageNeverPull", "Container image \"x\" is not present", "is not on the node"),
        ("CreateContainerConfigError", "secret \"objectstore-creds\" not found", "a secret or its entry"),
    ] {
        let because = why_waiting(&waiting(reason, message), &[]);
        assert!(because.contains(words) && because.contains(message), "{because}");
    }
    let creating = waiting("ContainerCreating", "");
    assert_eq!(why_waiting(&creating, &[]), "starting: pulling the image, mounting volumes");
    let multi = event("FailedAttachVolume", "Multi-Attach error for volume \"pvc-1\" Volume is already used");
    let because = why_waiting(&creating, &[event("Pulled", "x"), multi]);
    assert!(because.contains("ReadWriteOnce and attached to another node"), "{because}");
    let mut other = event("FailedMount", "hostPath type check failed: /models is not a directory");
    assert!(why_waiting(&creating, std::slice::from_ref(&other)).contains("is not on the node"));
    other.involved_object.uid = Some("another pod".into());
    assert_eq!(why_waiting(&creating, &[other]), "starting: pulling the image, mounting volumes");
}

#[test]
fn a_job_that_makes_no_pods_says_what_to_do() {
    let quota = "pods \"steno-b-1-0-\" is forbidden: exceeded quota: team, requested: requests.nvidia.com/gpu=1, used: 2, limited: 2";
    assert!(why_no_pods(quota).starts_with("the namespace's quota allows no more such pods: raise it"));
    let security =
        "pods \"steno-b-1-0-\" is forbidden: violates PodSecurity \"restricted:latest\": hostPath volumes";
    assert!(why_no_pods(security).contains("pod security standard"));
    assert!(why_no_pods("admission webhook denied").contains("(admission webhook denied)"));
}

#[test]
fn the_init_container_is_told_as_what_it_does() {
    let fetching = pod(json!({
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "initContainerStatuses": [{
            "name": "model", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"running": {}},
        }],
    }));
    let view = PodView::of(&fetching, &[]);
    assert_eq!(view.state, PodState::Waiting { because: "fetching the model".into() });
    assert_eq!((view.index, view.node.as_deref()), (2, Some("node-1")));
}

#[test]
fn a_pod_s_end_is_told_in_its_own_words() {
    let log = "2026-11-27T10:00:00Z ERROR worker.cannot_start\nsteno-worker: no access to bucket calls\n";
    let refused = ended(3, "Error", log);
    assert_eq!(last_words(std::slice::from_ref(&refused)).as_deref(), Some("no access to bucket calls"));
    assert_eq!(
        PodView::of(&refused, &[]).state,
        PodState::Failed { because: "no access to bucket calls".into() }
    );
    let killed = ended(137, "OOMKilled", "");
    assert!(last_words(&[killed]).unwrap().contains("worker.resources.limits.memory"));
    assert_eq!(last_words(&[ended(7, "Error", "")]).unwrap(), "it ended with exit code 7 (BadEngine)");
    assert_eq!(last_words(&[ended(0, "Completed", "all done")]), None);
    let evicted = pod(
        json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}),
    );
    let because = "Evicted: The node was low on resource: memory.".to_owned();
    assert_eq!(PodView::of(&evicted, &[]).state, PodState::Failed { because });
}

#[test]
fn a_pod_on_a_lost_node_is_told_so() {
    let mut lost = pod(json!({"phase": "Running", "conditions": [
        {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"},
    ]}));
    assert_eq!(PodView::of(&lost, &[]).state, PodState::Running);
    lost.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-11-27T10:00:00Z")).unwrap());
    assert_eq!(PodView::of(&lost, &[]).state, PodState::Leaving { node_lost: true });
    lost.status.as_mut().unwrap().conditions = None;
    assert_eq!(PodView::of(&lost, &[]).state, PodState::Leaving { node_lost: false });
}
