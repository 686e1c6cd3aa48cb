//! The coordinator's process: wait to lead, watch, stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use steno_shared::exit::Exit;
use tokio::signal::unix::{SignalKind, signal};

use super::LOOK_AGAIN;
use super::reconcile::{Coordinator, Next};
use crate::cluster::{BATCH, BATCHES, WORKERS, record_name};
use crate::failure::Failure;
use crate::kubernetes::{Cluster, Installation, Leader, Where, read_settings};

/// How soon after an error, but for a service that is away: that is looked for as soon as a batch.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// What the coordinator's pod is told.
#[derive(Debug, Clone)]
pub struct CoordinateRequest {
    /// The file that the chart wrote.
    pub settings: PathBuf,
    /// The pod's name.
    pub name: String,
    /// The namespace.
    pub namespace: String,
}

/// Coordinates until told to stop.
///
/// # Errors
/// If it cannot start, or leads no more: its pod is started again.
pub async fn coordinate(request: CoordinateRequest) -> Result<(), Failure> {
    let settings = read_settings(&request.settings)?;
    let place = Where { context: None, namespace: Some(request.namespace) };
    let cluster = Cluster::connect(&place).await?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::internal)?;
    let installation = Installation::find(&cluster).await?;
    let leader = Leader::new(&cluster, &request.name, &installation.owner);
    tokio::select! {
        acquired = leader.acquire() => acquired?,
        _ = terminate.recv() => return Ok(()),
    }
    tracing::info!(namespace = cluster.namespace, "coordinator.leads");
    let coordinator = Arc::new(Coordinator::new(cluster.clone(), settings));
    let outcome = tokio::select! {
        () = watch(&cluster, coordinator) => Err(Failure::internal("the watch of the cluster ended")),
        failure = leader.lead() => Err(failure),
        _ = terminate.recv() => Ok(()),
    };
    leader.step_down().await;
    outcome
}

/// Watches records, Jobs and pods, and looks at the batch of whatever changes.
async fn watch(cluster: &Cluster, coordinator: Arc<Coordinator>) {
    let of_batch = |labels: Option<&std::collections::BTreeMap<String, String>>,
                    namespace: Option<String>| {
        let batch = labels.and_then(|labels| labels.get(BATCH)?.parse().ok());
        batch.map(|batch| {
            let record = ObjectRef::<ConfigMap>::new(&record_name(&batch));
            namespace.map_or(record.clone(), |namespace| record.within(&namespace))
        })
    };
    let workers = || watcher::Config::default().labels(WORKERS);
    Controller::new(cluster.api::<ConfigMap>(), watcher::Config::default().labels(BATCHES))
        .watches(cluster.api::<Job>(), workers(), move |job| {
            of_batch(job.metadata.labels.as_ref(), job.metadata.namespace.clone())
        })
        .watches(cluster.api::<Pod>(), workers(), move |pod| {
            of_batch(pod.metadata.labels.as_ref(), pod.metadata.namespace.clone())
        })
        .run(
            |object, coordinator| async move {
                match coordinator.reconcile(&object).await {
                    Ok(Next::Soon) => Ok(Action::requeue(LOOK_AGAIN)),
                    Ok(Next::WhenChanged) => Ok(Action::await_change()),
                    Err(failure) => Err(failure),
                }
            },
            |object, failure: &Failure, _| {
                tracing::warn!(record = ?object.metadata.name, error = failure.message, "batch.not_looked_at");
                Action::requeue(if failure.exit == Exit::Lost { LOOK_AGAIN } else { TRY_AGAIN })
            },
            coordinator,
        )
        .for_each(|_| std::future::ready(()))
        .await;
}
