//! What a user's machine can tell of a cluster, and a pod for the rest.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;
use kube::client::Body;
use steno_shared::storage::Location;

use super::check::Check;
use super::clocks::{self, Clock};
use super::{nodes, probe, rights};
use crate::cluster::{COORDINATOR, ClusterSettings, phase, why_waiting};
use crate::failure::Failure;
use crate::kubernetes::{Cluster, Installation, RedisAccess, Where, check_model_cache, within};

const CLOCK: Clock = Clock {
    what: "clock of the cluster",
    whose: "the API server",
    own: "this machine",
    harm: Some("credentials that are valid for a time only may be refused"),
};

/// Looks at everything, and goes on as far as it makes sense.
///
/// # Errors
/// If there is no kubeconfig.
pub async fn check_cluster(place: &Where, output: Option<&Location>) -> Result<Vec<Check>, Failure> {
    let cluster = Cluster::connect(place).await?;
    let mut checks = Vec::new();
    let version = within("reach the cluster", cluster.client.apiserver_version()).await;
    let is_reached = version.is_ok();
    checks.push(Check::of(
        "API server",
        version.and_then(|version| judge_version(&version.major, &version.minor)),
    ));
    if !is_reached {
        return Ok(checks);
    }
    checks.push(clocks::judge(&CLOCK, clock(&cluster).await));
    let installation = match Installation::find(&cluster).await {
        Ok(installation) => installation,
        Err(failure) => {
            checks.push(rights::check(&cluster, None).await);
            checks.push(Check::bad("installation", failure.message));
            return Ok(checks);
        }
    };
    let settings = &installation.settings;
    let secret = settings.redis.coordinator.as_ref().map(|user| user.secret.as_str());
    checks.push(rights::check(&cluster, secret).await);
    checks.push(Check::good(
        "installation",
        format!("model {}, worker image {}", settings.model.name, settings.worker.image),
    ));
    let coordinator = coordinator(&cluster).await;
    checks.push(Check::of(
        "coordinator",
        coordinator.as_ref().map(|(_, text)| text.clone()).map_err(Clone::clone),
    ));
    checks.push(gpu_nodes(&cluster, settings).await);
    checks.push(Check::of("model cache", check_model_cache(&cluster, &settings.model.cache).await));
    checks.push(Check::of("Redis from here", redis(&cluster, settings).await));
    if let Ok((coordinator, _)) = &coordinator {
        checks.extend(probe::look(&cluster, settings, coordinator, output).await);
    }
    Ok(checks)
}

/// Failure policies by exit code and index are general since 1.33.
fn judge_version(major: &str, minor: &str) -> Result<String, Failure> {
    let number =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    let version: (u32, u32) = (number(major), number(minor));
    if version < (1, 33) {
        return Err(Failure::unusable(format!(
            "it is Kubernetes {major}.{minor}; Jobs with a failure policy by index are complete in 1.33: upgrade the cluster"
        )));
    }
    Ok(format!("Kubernetes {major}.{minor} answers"))
}

/// The coordinator's pod, and how it is.
async fn coordinator(cluster: &Cluster) -> Result<(Pod, String), Failure> {
    let these = ListParams::default().labels(COORDINATOR);
    let pods = within("look for the coordinator", cluster.api::<Pod>().list(&these)).await?;
    let is_ready = |pod: &Pod| {
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
        statuses.into_iter().flatten().all(|container| container.ready)
    };
    match pods.items.iter().find(|pod| phase(pod) == "Running" && is_ready(pod)) {
        Some(pod) => {
            let name = pod.metadata.name.clone().unwrap_or_default();
            Ok((pod.clone(), format!("pod {name} is running")))
        }
        None => Err(Failure::unusable(match pods.items.first() {
            Some(pod) => format!(
                "its pod {} does not run: {}; see `kubectl logs`",
                pod.metadata.name.as_deref().unwrap_or_default(),
                match crate::cluster::last_words(std::slice::from_ref(pod)) {
                    Some(words) => words,
                    None => why_waiting(pod, &[]),
                }
            ),
            None => "it has no pod: is coordinator.replicas 0 in the chart's values?".to_owned(),
        })),
    }
}

async fn gpu_nodes(cluster: &Cluster, settings: &ClusterSettings) -> Check {
    let api: Api<Node> = Api::all(cluster.client.clone());
    match within("list the nodes", api.list(&ListParams::default())).await {
        Ok(list) => nodes::judge(&list.items, &settings.worker),
        Err(failure) => Check::note("GPU nodes", format!("not looked at: {failure}")),
    }
}

async fn clock(cluster: &Cluster) -> Result<clocks::Reading, Failure> {
    let request = http::Request::get("/version").body(Body::empty()).map_err(Failure::internal)?;
    let answer = within("read the cluster's clock", cluster.client.send(request)).await?;
    clocks::Reading::of_answer(answer.headers())
}

async fn redis(cluster: &Cluster, settings: &ClusterSettings) -> Result<String, Failure> {
    let access = RedisAccess::open(cluster, &settings.redis).await?;
    let batch = "doctor".parse().map_err(Failure::internal)?;
    access.leases(&batch).await?.meta().await?;
    Ok(format!("{} answers", access.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_clusters_are_refused() {
        assert!(judge_version("1", "33").is_ok());
        assert!(judge_version("1", "34+").is_ok());
        assert!(judge_version("1", "32").unwrap_err().message.contains("upgrade the cluster"));
    }
}
