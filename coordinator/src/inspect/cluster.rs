//! Access to a batch in a cluster, and what is asked of it there.

use std::process::Stdio;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{ListParams, LogParams};
use steno_shared::exit::Exit;
use steno_shared::ids::BatchId;
use steno_shared::leases::Leases;

use crate::cluster::{
    ClusterStatus, JobState, Phase, PodView, Record, Wishes, job_name, launch_of, phase, workers_of,
};
use crate::failure::Failure;
use crate::kubernetes::{Cluster, Installation, Records, RedisAccess, Where, job_events, within};
use crate::progress::{Snapshot, write_line};

/// How long a watcher waits for what does not answer yet.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a watched batch is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// A batch in a cluster that can be looked into.
pub struct ClusterAccess {
    /// Its record, as it was when this was opened.
    pub record: Record,
    /// Its leases.
    pub leases: Leases,
    cluster: Cluster,
    installation: Installation,
    records: Records,
    _redis: RedisAccess,
}

impl ClusterAccess {
    /// Opens the batch that the user means.
    ///
    /// # Errors
    /// If there is none, or the cluster or its Redis does not answer.
    pub async fn open(place: &Where, batch: Option<&BatchId>) -> Result<Self, Failure> {
        let cluster = Cluster::connect(place).await?;
        let installation = Installation::find(&cluster).await?;
        Self::of(cluster, installation, batch).await
    }

    /// The same, and while the cluster or its Redis is about to answer, as just after an installation, it is waited for.
    ///
    /// # Errors
    /// As above.
    pub async fn open_patiently(place: &Where, batch: Option<&BatchId>) -> Result<Self, Failure> {
        let began = tokio::time::Instant::now();
        loop {
            match Self::open(place, batch).await {
                Err(failure) if failure.exit == Exit::Lost && began.elapsed() < PATIENCE => {
                    write_line(&format!("{failure}; trying again"));
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// The same in a cluster that is known already.
    ///
    /// # Errors
    /// As above.
    pub async fn of(
        cluster: Cluster,
        installation: Installation,
        batch: Option<&BatchId>,
    ) -> Result<Self, Failure> {
        let records = Records::of(&cluster);
        let record = records.meant(batch).await?;
        let redis = RedisAccess::open(&cluster, &installation.settings.redis).await?;
        let leases = redis.leases(&record.batch).await?;
        Ok(Self { record, leases, cluster, installation, records, _redis: redis })
    }

    /// How far it is now.
    ///
    /// # Errors
    /// If the cluster or its Redis does not answer.
    pub async fn status(&self) -> Result<ClusterStatus, Failure> {
        let record = self.records.meant(Some(&self.record.batch)).await?;
        let batch = &record.batch;
        let these = ListParams::default().labels(&workers_of(batch));
        let doing = |what: &str| format!("list the {what} of batch {batch}");
        let jobs = within(&doing("Jobs"), self.cluster.api::<Job>().list(&these)).await?;
        let job = JobState::latest(&jobs.items);
        let mut pods = within(&doing("pods"), self.cluster.api::<Pod>().list(&these)).await?.items;
        pods.retain(|pod| launch_of(&pod.metadata) == job.launch());
        pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
        let pending = pods.iter().any(|pod| phase(pod) == "Pending");
        let events = if pending { self.events().await? } else { Vec::new() };
        let mut pods: Vec<PodView> = pods.iter().map(|pod| PodView::of(pod, &events)).collect();
        let bare = job.bare(&pods);
        if !bare.is_empty()
            && let Some(why) = job_events::why_no_pods(&self.cluster, &job_name(batch, job.launch())).await?
        {
            pods.extend(bare.iter().map(|place| PodView::without_pod(*place, why.clone())));
        }
        let snapshot = match record.course.shards {
            0 => None,
            shards => match self.leases.meta().await? {
                Some(_) => Some(Snapshot::read(&self.leases, shards).await?),
                None => None,
            },
        };
        let (totals, workers) = snapshot.map_or((None, Vec::new()), |read| (Some(read.totals), read.workers));
        let price = self.installation.settings.price.as_ref();
        Ok(ClusterStatus::of(&record, totals, &job, pods, &workers, price))
    }

    /// What the workers of its pods have logged, with their completion indexes. Pods that are gone have told nothing.
    ///
    /// # Errors
    /// If the cluster does not answer.
    pub async fn logs(&self) -> Result<Vec<(u32, String)>, Failure> {
        let batch = &self.record.batch;
        let pods = self.cluster.api::<Pod>();
        let these = ListParams::default().labels(&workers_of(batch));
        let listed = within(&format!("list the pods of batch {batch}"), pods.list(&these)).await?.items;
        let mut logs = Vec::new();
        for view in listed.iter().map(|pod| PodView::of(pod, &[])) {
            let Some(name) = &view.name else { continue };
            let doing = format!("read the log of pod {name}");
            logs.push((view.index, within(&doing, pods.logs(name, &LogParams::default())).await?));
        }
        Ok(logs)
    }

    async fn events(&self) -> Result<Vec<Event>, Failure> {
        let of_pods = ListParams::default().fields("involvedObject.kind=Pod");
        Ok(within("list the events of pods", self.cluster.api::<Event>().list(&of_pods)).await?.items)
    }

    /// Has recordings that were put back taken up.
    ///
    /// # Errors
    /// If the cluster does not answer.
    pub async fn resume(&self) -> Result<(), Failure> {
        self.wish(|record| Wishes { resume: record.course.resume + 1, cancelled: false, ..record.wishes })
            .await
    }

    /// Has the input and the output looked through again.
    ///
    /// # Errors
    /// If the cluster does not answer.
    pub async fn reconcile(&self) -> Result<(), Failure> {
        if self.record.wishes.cancelled {
            return Err(Failure::usage("the batch was cancelled: the same `steno submit` takes it up again"));
        }
        self.wish(|record| Wishes { intake: record.course.intake + 1, ..record.wishes }).await
    }

    /// Has nothing more handed out.
    ///
    /// # Errors
    /// If the cluster does not answer.
    pub async fn cancel(&self) -> Result<(), Failure> {
        self.wish(|record| Wishes { cancelled: true, ..record.wishes }).await
    }

    async fn wish(&self, change: impl Fn(&Record) -> Wishes) -> Result<(), Failure> {
        self.records.wish(&self.record.batch, change).await
    }

    /// Removes it: its Jobs, pods and leases. Transcripts stay where they are.
    ///
    /// # Errors
    /// If the cluster or its Redis does not answer.
    pub async fn delete(&self) -> Result<(), Failure> {
        // The record first: with it, the coordinator would make the leases anew.
        self.records.delete(&self.record.batch).await?;
        // Then its workers, which would write into what is removed.
        if self.installation.settings.redis.user_per_batch {
            self.leases.dismiss_workers().await?;
        }
        Ok(self.leases.delete_batch().await?)
    }

    /// Shows how far it is until nothing more will happen by itself.
    ///
    /// # Errors
    /// If the cluster does not answer for good.
    pub async fn watch(&self) -> Result<ClusterStatus, Failure> {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        let mut told = String::new();
        loop {
            let status = match self.status().await {
                Ok(status) => status,
                // A laptop that slept, a Redis that restarts: the batch goes on meanwhile.
                Err(failure) if failure.exit == Exit::Lost => {
                    tracing::warn!(error = failure.message, "watch.cannot_look");
                    tokio::time::sleep(LOOK_AGAIN).await;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            if status.settled {
                bar.finish_and_clear();
                return Ok(status);
            }
            if bar.is_hidden() {
                let line = status.line();
                if line != told {
                    write_line(&line);
                    told = line;
                }
            } else {
                bar.set_message(status.text());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// The exit code that tells how a batch ended.
#[must_use]
pub fn exit_of(status: &ClusterStatus) -> Exit {
    match status.phase {
        Phase::Intake | Phase::Running => Exit::Success,
        Phase::Finished if status.totals.map_or(0, |totals| totals.dead) + status.left_out > 0 => {
            Exit::SomeFailed
        }
        Phase::Finished => Exit::Success,
        Phase::Cancelled => Exit::Interrupted,
        Phase::Failed => Exit::Unusable,
    }
}

/// Runs a command of the user's when a batch is over, such as one that takes the GPU nodes away.
///
/// # Errors
/// If it cannot be run or fails.
pub async fn after_drain(command: &str, status: &ClusterStatus) -> Result<(), Failure> {
    let phase = serde_json::to_value(status.phase).map_err(Failure::internal)?;
    let ended = tokio::process::Command::new("sh")
        .args(["-c", command])
        .env("STENO_BATCH", &status.batch)
        .env("STENO_PHASE", phase.as_str().unwrap_or_default())
        .stdin(Stdio::null())
        .status()
        .await
        .map_err(|error| Failure::unusable(format!("failed to run the command of --after-drain: {error}")))?;
    if ended.success() {
        return Ok(());
    }
    Err(Failure::unusable(format!(
        "the command of --after-drain failed ({ended}): nodes may still run and cost money; run it again by hand"
    )))
}
