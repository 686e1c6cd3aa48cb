//! Batches' records in the cluster: reading and writing them, so that no writer undoes another's.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use steno_shared::ids::BatchId;

use super::client::{Cluster, create_new, delete, within};
use super::installation::Installation;
use crate::cluster::{
    BATCHES, BatchRequest, Course, Record, Wishes, course_entry, new_record, record_name, user_entries,
    wishes_entry,
};
use crate::failure::Failure;

/// How often a change is tried again when somebody else was faster.
const TRIES: u32 = 10;

/// The records of a namespace.
#[derive(Clone)]
pub struct Records {
    api: kube::Api<ConfigMap>,
    namespace: String,
}

impl Records {
    /// Those of a cluster's namespace.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        Self { api: cluster.api(), namespace: cluster.namespace.clone() }
    }

    /// A batch's record; `None` when there is none.
    ///
    /// # Errors
    /// If the cluster does not answer, or the record cannot be read.
    pub async fn get(&self, batch: &BatchId) -> Result<Option<Record>, Failure> {
        let doing = format!("read the record of batch {batch}");
        let object = within(&doing, self.api.get_opt(&record_name(batch))).await?;
        object.as_ref().map(|object| Record::read(object).map_err(Failure::unusable)).transpose()
    }

    /// All batches, the one that was asked for last first. A record that cannot be read is left out.
    ///
    /// # Errors
    /// If the cluster does not answer.
    pub async fn all(&self) -> Result<Vec<Record>, Failure> {
        let doing = format!("list the batches in namespace {}", self.namespace);
        let objects = within(&doing, self.api.list(&ListParams::default().labels(BATCHES))).await?.items;
        let mut records: Vec<Record> =
            objects.iter().filter_map(|object| Record::read(object).ok()).collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.wishes.at_ms));
        Ok(records)
    }

    /// The batch that a user means: the one named, else the only one that is not over, else the latest.
    ///
    /// # Errors
    /// If there is none, or several.
    pub async fn meant(&self, batch: Option<&BatchId>) -> Result<Record, Failure> {
        if let Some(batch) = batch {
            return self.get(batch).await?.ok_or_else(|| {
                Failure::usage(format!("there is no batch {batch} in namespace {}", self.namespace))
            });
        }
        let mut all = self.all().await?;
        let open: Vec<String> = all
            .iter()
            .filter(|record| !record.is_settled())
            .map(|record| {
                format!("  {}  {} to {}", record.batch, record.request.input, record.request.output)
            })
            .collect();
        match open.len() {
            0 | 1 if !all.is_empty() => {
                let index = all.iter().position(|record| !record.is_settled()).unwrap_or(0);
                Ok(all.swap_remove(index))
            }
            0 | 1 => Err(Failure::usage(format!(
                "no batch was submitted in namespace {}; see `steno submit --help`, or name another with --namespace",
                self.namespace
            ))),
            _ => {
                Err(Failure::usage(format!("several batches are under way; name one:\n{}", open.join("\n"))))
            }
        }
    }

    /// Submits: makes the record, or has the one that is there looked through again. Doing it twice is like doing it once.
    ///
    /// # Errors
    /// If the cluster does not answer or refuses.
    pub async fn submit(
        &self,
        request: &BatchRequest,
        manifest: Option<&str>,
        installation: &Installation,
    ) -> Result<BatchId, Failure> {
        let batch = request.batch().map_err(Failure::internal)?;
        let first = Wishes { intake: 1, at_ms: now_ms(), ..Wishes::default() };
        let new = new_record(request, manifest, first, &installation.owner).map_err(Failure::internal)?;
        for _ in 0..TRIES {
            let doing = format!("submit batch {batch}");
            let Some(record) = self.get(&batch).await? else {
                if create_new(&doing, &self.api, &new).await? {
                    return Ok(batch);
                }
                continue;
            };
            let intake = record.course.intake + 1;
            let wishes = Wishes { intake, cancelled: false, at_ms: now_ms(), ..record.wishes };
            let entries = user_entries(request, manifest, wishes).map_err(Failure::internal)?;
            if self.change(&doing, &record, entries).await? {
                return Ok(batch);
            }
        }
        Err(busy(&batch))
    }

    /// Changes what is wished of a batch.
    ///
    /// # Errors
    /// If the cluster does not answer or refuses, or the batch is gone.
    pub async fn wish(&self, batch: &BatchId, change: impl Fn(&Record) -> Wishes) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let record = self.meant(Some(batch)).await?;
            let wishes = Wishes { at_ms: now_ms(), ..change(&record) };
            let entries = wishes_entry(wishes).map_err(Failure::internal)?;
            if self.change(&format!("change batch {batch}"), &record, entries).await? {
                return Ok(());
            }
        }
        Err(busy(batch))
    }

    /// Writes how far a batch is. False when the record has changed since it was read: look again.
    ///
    /// # Errors
    /// If the cluster does not answer or refuses.
    pub async fn note(&self, record: &Record, course: &Course) -> Result<bool, Failure> {
        let entries = course_entry(course).map_err(Failure::internal)?;
        self.change(&format!("note how far batch {} is", record.batch), record, entries).await
    }

    /// Removes a batch's record, and with it its Jobs and pods.
    ///
    /// # Errors
    /// If the cluster does not answer or refuses.
    pub async fn delete(&self, batch: &BatchId) -> Result<(), Failure> {
        delete(&format!("delete batch {batch}"), &self.api, &record_name(batch)).await
    }

    async fn change(
        &self,
        doing: &str,
        record: &Record,
        entries: BTreeMap<String, String>,
    ) -> Result<bool, Failure> {
        // With the version that was read, Kubernetes refuses the change if there is a later one.
        let patch = json!({"metadata": {"resourceVersion": record.version}, "data": entries});
        let name = record_name(&record.batch);
        let patched = within(doing, async {
            match self.api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
                Err(kube::Error::Api(status)) if status.is_conflict() => Ok(false),
                answer => answer.map(|_| true),
            }
        });
        patched.await
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn busy(batch: &BatchId) -> Failure {
    Failure::lost(format!("the record of batch {batch} changes all the time; try again"))
}
