//! One batch: look, decide, act, until there is nothing to do for now.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams, PostParams, PropagationPolicy};
use steno_shared::exit::Exit;
use steno_shared::ids::{BatchId, ShardId};
use steno_shared::leases::Leases;
use tokio::sync::Mutex;

use super::{intake, webhook};
use crate::cluster::{
    ClusterSettings, Course, Decision, JobPlan, JobState, Phase, PodState, PodView, Record, Situation,
    config_map_name, decide, job, last_words, worker_config_map, workers_of,
};
use crate::failure::Failure;
use crate::kubernetes::{Cluster, Records, RedisAccess, within};
use crate::progress::Totals;
use crate::quantities::counted;

/// Acts in a row on one batch before others have their turn.
const ACTS_MAX: u32 = 8;
/// How often the time that nodes are in use is written down, in seconds.
const COUNT_SECONDS: u64 = 20;
/// How many events a record keeps.
const EVENTS_MAX: usize = 10;

/// When to look at a batch again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// In a few seconds.
    Soon,
    /// When something changes.
    WhenChanged,
}

/// The coordinator of a namespace.
pub(super) struct Coordinator {
    cluster: Cluster,
    settings: ClusterSettings,
    records: Records,
    /// Connections, one a batch.
    leases: Mutex<HashMap<BatchId, Leases>>,
}

/// What was read of a batch.
struct Seen {
    totals: Option<Totals>,
    job: JobState,
    pods: Vec<Pod>,
}

impl Coordinator {
    pub(super) fn new(cluster: Cluster, settings: ClusterSettings) -> Self {
        let records = Records::of(&cluster);
        Self { cluster, settings, records, leases: Mutex::default() }
    }

    /// Looks at a batch and does what is to be done.
    pub(super) async fn reconcile(&self, object: &ConfigMap) -> Result<Next, Failure> {
        let batch = match Record::read(object) {
            Ok(record) => record.batch,
            Err(error) => {
                tracing::warn!(error, "record.unreadable");
                return Ok(Next::WhenChanged);
            }
        };
        for _ in 0..ACTS_MAX {
            // What the watch brought may be older than what this coordinator wrote itself.
            let Some(record) = self.records.get(&batch).await? else {
                self.leases.lock().await.remove(&batch);
                return Ok(Next::WhenChanged);
            };
            let seen = self.look(&record).await?;
            let now = now();
            let words = last_words(&seen.pods);
            let decision = decide(&Situation {
                record: &record,
                totals: seen.totals,
                job: &seen.job,
                last_words: words.as_deref(),
                now,
            });
            let mut course = record.course.clone();
            count_nodes(&mut course, &seen.pods, now);
            if matches!(decision, Decision::Rest | Decision::Wait) {
                let due = course.counted_at.is_some_and(|at| {
                    record.course.counted_at.is_none_or(|noted| at >= noted + COUNT_SECONDS)
                });
                if due {
                    self.records.note(&record, &course).await?;
                }
                return Ok(if decision == Decision::Rest { Next::WhenChanged } else { Next::Soon });
            }
            tracing::info!(%batch, ?decision, "batch.decided");
            self.act(&record, &seen, &decision, &mut course).await?;
            let settled = seen.totals.map_or(0, |totals| totals.done + totals.dead);
            course.note(&decision, record.wishes, settled, seen.job.launch(), now);
            course.events.drain(..course.events.len().saturating_sub(EVENTS_MAX));
            let is_noted = self.records.note(&record, &course).await?;
            if let (Decision::Settle(phase, _), true) = (&decision, is_noted) {
                self.tell(&record, *phase, seen.totals).await;
            }
        }
        Ok(Next::Soon)
    }

    async fn look(&self, record: &Record) -> Result<Seen, Failure> {
        let batch = &record.batch;
        let these = ListParams::default().labels(&workers_of(batch));
        let jobs = within(&format!("list the Jobs of batch {batch}"), self.cluster.api::<Job>().list(&these))
            .await?;
        let pods = within(&format!("list the pods of batch {batch}"), self.cluster.api::<Pod>().list(&these))
            .await?;
        let totals = if record.course.shards == 0 { None } else { self.totals(record).await? };
        Ok(Seen { totals, job: JobState::latest(&jobs.items), pods: pods.items })
    }

    async fn totals(&self, record: &Record) -> Result<Option<Totals>, Failure> {
        let leases = self.leases(&record.batch).await?;
        if leases.meta().await?.is_none() {
            return Ok(None);
        }
        Ok(Some(Totals::of(&leases.all_counts(record.course.shards).await?)))
    }

    async fn leases(&self, batch: &BatchId) -> Result<Leases, Failure> {
        let mut known = self.leases.lock().await;
        if let Some(leases) = known.get(batch) {
            return Ok(leases.clone());
        }
        let leases = RedisAccess::open(&self.cluster, &self.settings.redis).await?.leases(batch).await?;
        known.insert(batch.clone(), leases.clone());
        Ok(leases)
    }

    /// Does what was decided. Done twice, by a coordinator that died before it noted so or by two at once, it changes nothing
    /// more.
    async fn act(
        &self,
        record: &Record,
        seen: &Seen,
        decision: &Decision,
        course: &mut Course,
    ) -> Result<(), Failure> {
        match decision {
            Decision::TakeIn => self.take_in(record, course).await,
            Decision::StopLeases => {
                let leases = self.leases(&record.batch).await?;
                for shard in (0..course.shards).map(ShardId) {
                    leases.cancel(shard).await?;
                }
                Ok(())
            }
            Decision::Resume => self.reopen(record).await,
            Decision::Launch { launch, nodes, .. } => {
                self.launch(record, *launch, *nodes).await?;
                // A first launch, or the first after the batch was over, is no event.
                if *launch > record.course.closed + 1 {
                    let why = match &seen.job {
                        JobState::None => "Its Job was gone".to_owned(),
                        JobState::Active { .. } | JobState::Leaving { .. } | JobState::Ended { .. } => {
                            let words = last_words(&seen.pods).map(|words| format!(" ({words})"));
                            format!("Its Job ended with recordings left{}", words.unwrap_or_default())
                        }
                    };
                    course.events.push(format!(
                        "{why}; launched again on {}",
                        counted(u64::from(nodes.get()), "node")
                    ));
                }
                Ok(())
            }
            Decision::DeleteJob { name, because } => {
                course.events.push(format!("Job {name} was deleted: {because}"));
                self.delete_job(name).await
            }
            Decision::Rest | Decision::Wait | Decision::NoteIdle(_) | Decision::Settle(..) => Ok(()),
        }
    }

    /// Looks through the input. What is wrong with the request fails the batch; a service that is away is tried again.
    async fn take_in(&self, record: &Record, course: &mut Course) -> Result<(), Failure> {
        let access = RedisAccess::open(&self.cluster, &self.settings.redis).await?;
        let leases = access.leases(&record.batch).await?;
        match intake::take_in(record, &self.settings, &leases).await {
            Ok(taken) => {
                course.shards = taken.shards;
                course.found = Some(taken.found);
                Ok(())
            }
            Err(failure) if failure.exit == Exit::Lost => {
                let course = Course { message: Some(format!("not yet: {failure}")), ..record.course.clone() };
                self.records.note(record, &course).await?;
                Err(failure)
            }
            Err(failure) => {
                let mut failed = record.course.clone();
                failed.intake = record.wishes.intake;
                failed.phase = Phase::Failed;
                failed.message = Some(failure.message.clone());
                failed.settled_at = Some(now());
                if self.records.note(record, &failed).await? {
                    self.tell(record, Phase::Failed, None).await;
                }
                Err(failure)
            }
        }
    }

    async fn reopen(&self, record: &Record) -> Result<(), Failure> {
        let leases = self.leases(&record.batch).await?;
        for shard in (0..record.course.shards).map(ShardId) {
            leases.reopen(shard).await?;
        }
        Ok(())
    }

    async fn launch(&self, record: &Record, launch: u32, nodes: std::num::NonZeroU32) -> Result<(), Failure> {
        let leases = self.leases(&record.batch).await?;
        let meta = leases.meta().await?.ok_or_else(|| {
            Failure::lost(format!("Redis has forgotten batch {} this very moment", record.batch))
        })?;
        let existing = record.request.existing;
        let config = worker_config_map(&meta, launch, existing, &self.settings, &record.owner)
            .map_err(Failure::internal)?;
        let name = config_map_name(&record.batch, launch);
        let configs = self.cluster.api::<ConfigMap>();
        within(&format!("make ConfigMap {name}"), created(configs.create(&PostParams::default(), &config)))
            .await?;
        let plan =
            JobPlan { batch: &record.batch, launch, nodes, settings: &self.settings, owner: &record.owner };
        let job = job(&plan);
        let jobs = self.cluster.api::<Job>();
        within(&format!("make Job {name}"), created(jobs.create(&PostParams::default(), &job))).await
    }

    async fn delete_job(&self, name: &str) -> Result<(), Failure> {
        let delete = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        within(&format!("delete Job {name}"), async {
            match self.cluster.api::<Job>().delete(name, &delete).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
                answer => answer.map(|_| ()),
            }
        })
        .await
    }

    /// Tells whoever wants to know that a batch is over. The batch is over whether they hear it or not.
    async fn tell(&self, record: &Record, phase: Phase, totals: Option<Totals>) {
        if let Some(after) = &self.settings.after_drain
            && let Err(error) = webhook::tell(&after.webhook, record, phase, totals).await
        {
            tracing::error!(error, url = after.webhook, "webhook.not_told");
        }
    }
}

/// Made by an earlier try is made.
async fn created<T>(request: impl Future<Output = kube::Result<T>>) -> kube::Result<()> {
    match request.await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        answer => answer.map(|_| ()),
    }
}

/// Adds the time since the last count for each node in use.
fn count_nodes(course: &mut Course, pods: &[Pod], now: u64) {
    let running = pods.iter().filter(|pod| PodView::of(pod, &[]).state == PodState::Running).count();
    match course.counted_at {
        Some(at) if running > 0 => {
            course.node_seconds += now.saturating_sub(at) as f64 * running as f64;
            course.counted_at = Some(now);
        }
        Some(_) => course.counted_at = None,
        None => course.counted_at = (running > 0).then_some(now),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
