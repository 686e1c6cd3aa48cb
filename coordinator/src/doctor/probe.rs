//! A pod that looks from inside: the coordinator's own pod with another command, and the worker's image beside it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, LogParams, PostParams};
use steno_shared::storage::Location;

use super::check::Check;
use super::decoder;
use crate::cluster::{ClusterSettings, phase, why_waiting};
use crate::failure::Failure;
use crate::kubernetes::{Cluster, within};

/// How long the pod may take: images are pulled meanwhile.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const IMAGE: &str = "image";
const INSIDE: &str = "inside";

/// Makes the pod, waits for its end, reads what it says, removes it.
pub(super) async fn look(
    cluster: &Cluster,
    settings: &ClusterSettings,
    coordinator: &Pod,
    output: Option<&Location>,
) -> Vec<Check> {
    let pods = cluster.api::<Pod>();
    let name = format!("steno-doctor-{:08x}", rand::random::<u32>());
    let Some(pod) = pod(&name, settings, coordinator, output) else {
        return vec![Check::bad("from inside", "the coordinator's pod has no container; upgrade the chart")];
    };
    if let Err(failure) =
        within("make a pod that looks from inside", pods.create(&PostParams::default(), &pod)).await
    {
        return vec![Check::note("from inside", format!("not looked at: {failure}; `helm test` looks too"))];
    }
    let checks = observe(&pods, &name, settings).await;
    let delete = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    // Left behind, it is one that has ended.
    let _ = within("remove the pod that looked from inside", pods.delete(&name, &delete)).await;
    checks.unwrap_or_else(|failure| vec![Check::bad("from inside", failure.message)])
}

fn pod(name: &str, settings: &ClusterSettings, coordinator: &Pod, output: Option<&Location>) -> Option<Pod> {
    let from = coordinator.spec.as_ref()?;
    let container = from.containers.first()?;
    let mut args =
        ["doctor", "--inside", "--json", "--settings", "/etc/steno/cluster.json"].map(str::to_owned).to_vec();
    args.extend(output.map(|output| format!("--out={output}")));
    let inside = Container { name: INSIDE.to_owned(), args: Some(args), ..container.clone() };
    // Whether the worker's image can be had at all, and what it says of its node; a device is not needed for that.
    let image = Container {
        name: IMAGE.to_owned(),
        image: Some(settings.worker.image.clone()),
        image_pull_policy: settings.worker.image_pull_policy.clone(),
        args: Some(vec![decoder::SUBCOMMAND.to_owned()]),
        security_context: container.security_context.clone(),
        ..Container::default()
    };
    Some(without_token(Pod {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            // As the coordinator, so that the network's policies let it through.
            labels: coordinator.metadata.labels.clone().map(|mut labels| {
                // But not one of its Deployment's.
                labels.remove("pod-template-hash");
                labels
            }),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            containers: vec![inside, image],
            volumes: from.volumes.clone().map(|mut volumes| {
                // The account's token is mounted anew, or not at all.
                volumes.retain(|volume| volume.projected.is_none());
                volumes
            }),
            restart_policy: Some("Never".to_owned()),
            automount_service_account_token: Some(false),
            service_account_name: from.service_account_name.clone(),
            security_context: from.security_context.clone(),
            image_pull_secrets: from.image_pull_secrets.clone(),
            enable_service_links: Some(false),
            ..PodSpec::default()
        }),
        status: None,
    }))
}

fn without_token(mut pod: Pod) -> Pod {
    for container in pod.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
        if let Some(mounts) = &mut container.volume_mounts {
            mounts.retain(|mount| !mount.mount_path.starts_with("/var/run/secrets/"));
        }
    }
    pod
}

async fn observe(pods: &Api<Pod>, name: &str, settings: &ClusterSettings) -> Result<Vec<Check>, Failure> {
    let began = tokio::time::Instant::now();
    let pod = loop {
        let pod = within("look at the pod that looks from inside", pods.get(name)).await?;
        if matches!(phase(&pod), "Succeeded" | "Failed") {
            break pod;
        }
        if began.elapsed() > PATIENCE {
            return Ok(vec![Check::bad(
                "from inside",
                format!("its pod does not start: {}", why_waiting(&pod, &[])),
            )]);
        }
        if let Some(words) = why_no_image(&pod) {
            return Ok(vec![Check::bad("images", words)]);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    let said_by = |container: &str| {
        let log = LogParams { container: Some(container.to_owned()), ..LogParams::default() };
        async move { within("read what the pod inside says", pods.logs(name, &log)).await }
    };
    let said = said_by(INSIDE).await?;
    let mut checks =
        vec![Check::good("images", format!("{} can be pulled and starts", settings.worker.image))];
    if let Some(code) = exit_code(&pod, IMAGE).filter(|code| *code != 0) {
        checks =
            vec![Check::bad("images", format!("{} does not start: exit code {code}", settings.worker.image))];
    }
    checks.push(decoder::judge("decoder in a pod", &said_by(IMAGE).await?));
    let read: Vec<Check> = said.lines().filter_map(read_check).collect();
    if read.is_empty() {
        checks.push(Check::bad("from inside", format!("it could not look: {}", said.trim())));
    }
    checks.extend(read);
    Ok(checks)
}

fn why_no_image(pod: &Pod) -> Option<String> {
    let words = why_waiting(pod, &[]);
    (words.contains("image") && !words.starts_with("starting") || words.contains("secret")).then_some(words)
}

fn exit_code(pod: &Pod, container: &str) -> Option<i32> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let status = statuses.iter().find(|status| status.name == container)?;
    Some(status.state.as_ref()?.terminated.as_ref()?.exit_code)
}

/// A line that the pod printed.
fn read_check(line: &str) -> Option<Check> {
    serde_json::from_str(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_a_pod_prints_is_read() {
        for check in [Check::good("a", "b"), Check::note("c", "d"), Check::bad("e", "f\n\"g\"")] {
            assert_eq!(read_check(&serde_json::to_string(&check).unwrap()), Some(check));
        }
        assert_eq!(read_check("steno: failed to read the settings"), None);
    }
}
