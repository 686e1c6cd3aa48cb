//! What Kubernetes says of a Job that makes no pods.

use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;

use super::client::{Cluster, within};
use crate::cluster;
use crate::failure::Failure;

/// Why the Job of this name makes no pods: a quota, an admission rule. `None` when nothing is said.
///
/// # Errors
/// If the cluster does not answer.
pub async fn why_no_pods(cluster: &Cluster, job: &str) -> Result<Option<String>, Failure> {
    let fields = format!("involvedObject.kind=Job,involvedObject.name={job},reason=FailedCreate");
    let of_job = ListParams::default().fields(&fields);
    let events = within("list the events of Jobs", cluster.api::<Event>().list(&of_job)).await?.items;
    let latest = events.into_iter().max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
    Ok(latest.and_then(|event| event.message).map(|message| cluster::why_no_pods(&message)))
}
