//! Whether the cluster has nodes that workers can run on.

use k8s_openapi::api::core::v1::{Node, Taint, Toleration};

use super::check::Check;
use crate::cluster::WorkerSettings;
use crate::quantities::counted;

const GPU: &str = "nvidia.com/gpu";
const WHAT: &str = "GPU nodes";

/// Judges the nodes of a cluster.
pub(super) fn judge(nodes: &[Node], worker: &WorkerSettings) -> Check {
    if nodes.is_empty() {
        return Check::note(
            WHAT,
            "the cluster has none now; one that scales by itself adds some when a batch is submitted",
        );
    }
    let chosen: Vec<&Node> = nodes.iter().filter(|node| is_chosen(node, worker)).collect();
    if chosen.is_empty() {
        let wanted: Vec<String> =
            worker.node_selector.iter().map(|(label, value)| format!("{label}={value}")).collect();
        return Check::bad(
            WHAT,
            format!(
                "none of the {} has the labels {}: add GPU nodes, or correct worker.nodeSelector in the chart's values",
                counted(nodes.len() as u64, "node"),
                wanted.join(", ")
            ),
        );
    }
    let with_gpus: Vec<&Node> = chosen.into_iter().filter(|node| gpus(node) >= worker.gpus).collect();
    if with_gpus.is_empty() {
        return Check::bad(
            WHAT,
            format!(
                "no node offers {GPU}: install NVIDIA's GPU operator or device plugin, or set worker.gpus to 0 to transcribe on CPUs"
            ),
        );
    }
    let taints: Vec<&Taint> = with_gpus
        .iter()
        .flat_map(|node| hard_taints(node))
        .filter(|taint| !is_tolerated(taint, worker))
        .collect();
    let open =
        with_gpus.iter().filter(|node| hard_taints(node).all(|taint| is_tolerated(taint, worker))).count();
    match (open, taints.first()) {
        (0, Some(taint)) => Check::bad(
            WHAT,
            format!(
                "all of them have a taint that workers do not tolerate, such as {}: add it to worker.tolerations in the chart's \
                 values",
                taint.key
            ),
        ),
        _ => Check::good(WHAT, format!("{} that a worker can run on", counted(open as u64, "node"))),
    }
}

fn is_chosen(node: &Node, worker: &WorkerSettings) -> bool {
    let labels = node.metadata.labels.as_ref();
    worker
        .node_selector
        .iter()
        .all(|(label, value)| labels.and_then(|labels| labels.get(label)) == Some(value))
}

fn gpus(node: &Node) -> u32 {
    let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
    allocatable.and_then(|amounts| amounts.get(GPU)?.0.parse().ok()).unwrap_or(0)
}

/// The taints that keep pods away.
fn hard_taints(node: &Node) -> impl Iterator<Item = &Taint> {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    taints.into_iter().flatten().filter(|taint| taint.effect != "PreferNoSchedule")
}

fn is_tolerated(taint: &Taint, worker: &WorkerSettings) -> bool {
    let own = worker.gpus > 0 && taint.key == GPU;
    own || worker.tolerations.iter().any(|toleration| tolerates(toleration, taint))
}

/// As Kubernetes matches them.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let key = toleration.key.as_deref().unwrap_or_default();
    let by_value = toleration.operator.as_deref().unwrap_or("Equal") == "Equal";
    (effect.is_empty() || effect == taint.effect)
        && (key.is_empty() || key == taint.key)
        && (!by_value
            || toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::check::Outcome;
    use super::*;

    fn node(gpus: &str, taints: Value) -> Node {
        serde_json::from_value(json!({
            "metadata": {"labels": {"nvidia.com/gpu.present": "true"}},
            "spec": {"taints": taints},
            "status": {"allocatable": {"nvidia.com/gpu": gpus}},
        }))
        .unwrap()
    }

    fn worker(rest: Value) -> WorkerSettings {
        let mut whole = json!({"image": "x"});
        whole.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn text(check: &Check) -> &str {
        match &check.outcome {
            Outcome::Good(text) | Outcome::Note(text) | Outcome::Bad(text) => text,
        }
    }

    #[test]
    fn nodes_are_counted_as_the_scheduler_would() {
        let selector = worker(json!({"nodeSelector": {"nvidia.com/gpu.present": "true"}}));
        let gpu_taint = json!([{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]);
        let good = judge(&[node("1", json!([])), node("2", gpu_taint), node("0", json!([]))], &selector);
        assert!(!good.is_bad() && text(&good).starts_with("2 nodes"), "{good:?}");
        let other = worker(json!({"nodeSelector": {"pool": "gpu"}}));
        let bad = judge(&[node("1", json!([]))], &other);
        assert!(bad.is_bad() && text(&bad).contains("pool=gpu"), "{bad:?}");
        let bad = judge(&[node("0", json!([]))], &selector);
        assert!(bad.is_bad() && text(&bad).contains("device plugin"), "{bad:?}");
        assert!(!judge(&[node("0", json!([]))], &worker(json!({"gpus": 0}))).is_bad());
        assert!(!judge(&[], &selector).is_bad());
    }

    #[test]
    fn taints_keep_workers_away_unless_tolerated() {
        let tainted = [node("1", json!([{"key": "team", "value": "ml", "effect": "NoSchedule"}]))];
        let bad = judge(&tainted, &worker(json!({})));
        assert!(bad.is_bad() && text(&bad).contains("such as team"), "{bad:?}");
        for (toleration, is_tolerated) in [
            (json!({"key": "team", "operator": "Exists"}), true),
            (json!({"key": "team", "value": "ml", "effect": "NoSchedule"}), true),
            (json!({"key": "team", "value": "web"}), false),
            (json!({"operator": "Exists"}), true),
            (json!({"key": "team", "operator": "Exists", "effect": "NoExecute"}), false),
        ] {
            let check = judge(&tainted, &worker(json!({"tolerations": [toleration]})));
            assert_eq!(!check.is_bad(), is_tolerated, "{toleration}");
        }
        let soft = [node("1", json!([{"key": "team", "effect": "PreferNoSchedule"}]))];
        assert!(!judge(&soft, &worker(json!({}))).is_bad());
    }
}
