//! One batch: look, decide, act, until there is nothing to do for now.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use steno_shared::exit::Exit;
use steno_shared::ids::{BatchId, ShardId};
use steno_shared::leases::{LeaseError, Leases};
use tokio::sync::Mutex;

use super::{intake, webhook};
use crate::cluster::{
    ClusterSettings, Course, Decision, JobPlan, JobState, Phase, PodState, PodView, Record, Situation,
    config_map_name, decide, job, job_name, last_words, trouble, worker_config_map, workers_of,
};
use crate::failure::Failure;
use crate::kubernetes::{Cluster, Records, RedisAccess, create_new, delete, job_events, within};
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
    pub(super) settings: ClusterSettings,
    pub(super) records: Records,
    /// Connections, one a batch.
    leases: Mutex<HashMap<BatchId, Reached>>,
}

/// The leases of a batch, and the password by which this coordinator came to them.
#[derive(Clone)]
pub(super) struct Reached {
    pub(super) leases: Leases,
    pub(super) password: Option<String>,
}

/// What was read of a batch.
struct Seen {
    totals: Option<Totals>,
    job: JobState,
    pods: Vec<Pod>,
    last_words: Option<String>,
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
            let seen = match self.look(&record).await {
                Ok(seen) => seen,
                Err(failure) => {
                    // What became of a batch that is over stays said.
                    if !record.is_settled() {
                        self.note_trouble(&record, &failure).await;
                    }
                    return Err(failure);
                }
            };
            // Redis may have restarted, and forgotten them. That they cannot be let in keeps nobody from ending the batch.
            let at_work = seen.job.has_pods();
            let admitted = if at_work { self.admit_workers(&record).await.map(|_| ()) } else { Ok(()) };
            if let Err(failure) = &admitted {
                self.note_trouble(&record, failure).await;
            }
            let now = now();
            let decision = decide(&Situation {
                record: &record,
                totals: seen.totals,
                job: &seen.job,
                last_words: seen.last_words.as_deref(),
                now,
            });
            let mut course = record.course.clone();
            count_nodes(&mut course, &seen.pods, now);
            if matches!(decision, Decision::Rest | Decision::Wait) {
                let is_told = decision == Decision::Rest && course.untold;
                if is_told {
                    self.tell(&record, seen.totals).await;
                    course.untold = false;
                }
                let is_counted = match (record.course.counted_at, course.counted_at) {
                    (Some(noted), Some(at)) => at >= noted + COUNT_SECONDS,
                    (noted, at) => noted != at,
                };
                let is_mended = decision == Decision::Wait && admitted.is_ok() && course.forget_trouble();
                if is_told || is_counted || is_mended {
                    self.records.note(&record, &course).await?;
                }
                return Ok(if decision == Decision::Rest { Next::WhenChanged } else { Next::Soon });
            }
            tracing::info!(%batch, ?decision, "batch.decided");
            let acting = self.act(&record, &seen, &decision, &mut course);
            if let Err(failure) = self.while_admitting(&record, at_work, acting).await {
                self.note_trouble(&record, &failure).await;
                return Err(failure);
            }
            let settled = seen.totals.map_or(0, |totals| totals.done + totals.dead);
            course.note(&decision, record.wishes, settled, seen.job.launch());
            course.events.drain(..course.events.len().saturating_sub(EVENTS_MAX));
            self.records.note(&record, &course).await?;
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
        // A batch that was deleted and submitted again has the same names: what is still there of the former is not its own.
        let jobs: Vec<Job> =
            jobs.items.into_iter().filter(|job| is_owned(&job.metadata, &record.owner.uid)).collect();
        let pods = pods.items.into_iter().filter(|pod| {
            jobs.iter().any(|job| job.metadata.uid.as_ref().is_some_and(|uid| is_owned(&pod.metadata, uid)))
        });
        let pods: Vec<Pod> = pods.collect();
        let totals = if record.course.shards == 0 { None } else { self.totals(record).await? };
        let job = JobState::latest(&jobs);
        let mut last_words = last_words(&pods);
        let launch = job.launch().max(record.course.launch);
        if pods.is_empty() && totals.is_some_and(|totals| totals.open() > 0) && launch > 0 {
            // Also of a Job that was deleted for it.
            last_words = job_events::why_no_pods(&self.cluster, &job_name(batch, launch)).await?;
        }
        Ok(Seen { totals, job, last_words, pods })
    }

    async fn totals(&self, record: &Record) -> Result<Option<Totals>, Failure> {
        let leases = self.leases(&record.batch).await?;
        if leases.meta().await?.is_none() {
            return Ok(None);
        }
        match leases.all_counts(record.course.shards).await {
            Ok(counts) => Ok(Some(Totals::of(&counts))),
            // Made only in part, by an intake that broke off.
            Err(LeaseError::NoBatch { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn leases(&self, batch: &BatchId) -> Result<Leases, Failure> {
        Ok(self.reach(batch).await?.leases)
    }

    /// The way to a batch's leases.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub(super) async fn reach(&self, batch: &BatchId) -> Result<Reached, Failure> {
        let mut known = self.leases.lock().await;
        if let Some(reached) = known.get(batch) {
            return Ok(reached.clone());
        }
        let access = RedisAccess::open(&self.cluster, &self.settings.redis).await?;
        let reached =
            Reached { leases: access.leases(batch).await?, password: access.password().map(str::to_owned) };
        known.insert(batch.clone(), reached.clone());
        Ok(reached)
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
            Decision::TakeIn => self.take_in(record, seen, course).await,
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
                            let words = seen.last_words.as_deref().map(|words| format!(" ({words})"));
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
                let why = seen.last_words.as_ref().filter(|_| seen.pods.is_empty());
                let why = why.map(|why| format!("; {why}")).unwrap_or_default();
                course.events.push(format!("Job {name} was deleted: {because}{why}"));
                delete(&format!("delete Job {name}"), &self.cluster.api::<Job>(), name).await
            }
            Decision::Settle(Phase::Finished, _) if seen.totals.is_some_and(|totals| totals.dead > 0) => {
                let leases = self.leases(&record.batch).await?;
                match intake::adopt(record, &self.settings, &leases).await {
                    // A service that is away is waited for; what is refused holds nothing up.
                    Err(failure) if failure.exit != Exit::Lost => {
                        tracing::warn!(error = failure.message, "output.not_looked_at");
                        Ok(())
                    }
                    adopted => adopted,
                }
            }
            Decision::Rest | Decision::Wait | Decision::NoteIdle(_) | Decision::Settle(..) => Ok(()),
        }
    }

    /// Looks through the input. What is wrong with the request fails the batch; a service that is away is tried again.
    async fn take_in(&self, record: &Record, seen: &Seen, course: &mut Course) -> Result<(), Failure> {
        let leases = self.leases(&record.batch).await?;
        match intake::take_in(record, &self.settings, &leases).await {
            Ok(taken) => {
                course.shards = taken.shards;
                course.found = Some(taken.found);
                Ok(())
            }
            Err(failure) if failure.exit == Exit::Lost => Err(failure),
            Err(failure) => {
                let failed_for = Decision::Settle(Phase::Failed, Some(failure.message.clone()));
                let mut failed = Course { intake: record.wishes.intake, ..record.course.clone() };
                failed.note(&failed_for, record.wishes, 0, seen.job.launch());
                self.records.note(record, &failed).await?;
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
        let own_user = self.admit_workers(record).await?;
        if let Some(user) = &own_user {
            // One that is there is the same: its name tells the password's version.
            let doing = format!("make secret {}", user.access.secret);
            create_new(&doing, &self.cluster.api::<Secret>(), &user.secret(record)).await?;
        }
        let redis_user = own_user.as_ref().map(|user| &user.access).or(self.settings.redis.worker.as_ref());
        let plan = JobPlan {
            batch: &record.batch,
            launch,
            nodes,
            settings: &self.settings,
            engine: &record.request.engine,
            longest_seconds: record.request.longest_seconds,
            redis_user,
            owner: &record.owner,
        };
        let config = worker_config_map(&meta, record.request.existing, &plan).map_err(Failure::internal)?;
        let name = config_map_name(&record.batch, launch);
        let configs = self.cluster.api::<ConfigMap>();
        create_once(&configs, &config, &name, &record.owner.uid).await?;
        let job = job(&plan);
        let jobs = self.cluster.api::<Job>();
        create_once(&jobs, &job, &name, &record.owner.uid).await
    }

    /// Tells whoever wants to know that a batch is over. It is over whether they hear it or not.
    async fn tell(&self, record: &Record, totals: Option<Totals>) {
        if let Some(after) = &self.settings.after_drain
            && let Err(error) = webhook::tell(&after.webhook, record, record.course.phase, totals).await
        {
            // Without the URL, which may hold a token.
            tracing::error!(error, "webhook.not_told");
        }
    }

    /// Notes what an act failed of, for status: it is tried again.
    async fn note_trouble(&self, record: &Record, failure: &Failure) {
        let message = Some(trouble(failure));
        if record.course.message != message {
            let course = Course { message, ..record.course.clone() };
            if let Err(error) = self.records.note(record, &course).await {
                tracing::warn!(error = error.message, "record.trouble_not_noted");
            }
        }
    }
}

/// Creates an object of a batch's record; one that an earlier try made is as good. One of a former record with the same
/// name is about to go: it is waited for.
async fn create_once<K>(api: &Api<K>, object: &K, name: &str, owner_uid: &str) -> Result<(), Failure>
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync,
{
    let doing = format!("make {name}");
    if create_new(&doing, api, object).await? {
        return Ok(());
    }
    match within(&doing, api.get_opt(name)).await? {
        Some(there) if is_owned(there.meta(), owner_uid) => Ok(()),
        Some(_) | None => Err(Failure::lost(format!(
            "failed to {doing}: one of a batch that was deleted is still there; it is tried again"
        ))),
    }
}

fn is_owned(metadata: &ObjectMeta, uid: &str) -> bool {
    metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid)
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
