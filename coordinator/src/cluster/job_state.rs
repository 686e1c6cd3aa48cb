//! A Job as the decisions see it.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::Job;

use super::names::launch_of;
use super::pods::PodView;

/// A batch's latest Job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum JobState {
    /// There is none.
    #[default]
    None,
    /// It has pods, or will have.
    Active {
        /// Its name.
        name: String,
        /// Its launch.
        launch: u32,
        /// Pods that are pending or at work, not on their way out.
        pods: u32,
        /// The completion indexes that are to have a pod: those that are neither done nor given up.
        open: Vec<u32>,
        /// Held back: it waits in a queue, or a user suspended it.
        suspended: bool,
    },
    /// It is being deleted.
    Leaving {
        /// Its launch.
        launch: u32,
    },
    /// It has ended.
    Ended {
        /// Its launch.
        launch: u32,
        /// How.
        end: JobEnd,
    },
}

/// How a Job has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// All of its pods ended well.
    Complete,
    /// A pod found what no other pod can do better.
    Refused {
        /// What Kubernetes says.
        message: String,
    },
    /// Pods ended badly, too often.
    Exhausted {
        /// What Kubernetes says.
        message: String,
    },
}

impl JobState {
    /// Whether pods may be at work.
    #[must_use]
    pub fn has_pods(&self) -> bool {
        match self {
            Self::Active { .. } | Self::Leaving { .. } => true,
            Self::None | Self::Ended { .. } => false,
        }
    }

    /// The latest of a batch's Jobs.
    #[must_use]
    pub fn latest(jobs: &[Job]) -> Self {
        jobs.iter().max_by_key(|job| launch_of(&job.metadata)).map_or(Self::None, Self::of)
    }

    fn of(job: &Job) -> Self {
        let launch = launch_of(&job.metadata);
        if job.metadata.deletion_timestamp.is_some() {
            return Self::Leaving { launch };
        }
        let status = job.status.clone().unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let holds =
            |kind: &str| conditions.iter().find(|found| found.type_ == kind && found.status == "True");
        if let Some(failed) = holds("Failed") {
            let message = failed.message.clone().unwrap_or_default();
            let end = match failed.reason.as_deref() {
                Some("PodFailurePolicy") => JobEnd::Refused { message },
                _ => JobEnd::Exhausted { message },
            };
            return Self::Ended { launch, end };
        }
        if holds("Complete").is_some() {
            return Self::Ended { launch, end: JobEnd::Complete };
        }
        Self::Active {
            name: job.metadata.name.clone().unwrap_or_default(),
            launch,
            pods: count(status.active),
            open: open(
                count(job.spec.as_ref().and_then(|spec| spec.completions)),
                &[status.completed_indexes.as_deref(), status.failed_indexes.as_deref()],
            ),
            suspended: job.spec.as_ref().and_then(|spec| spec.suspend).unwrap_or(false),
        }
    }

    /// The completion indexes that are to have a pod and have none.
    #[must_use]
    pub fn bare(&self, pods: &[PodView]) -> Vec<u32> {
        match self {
            Self::Active { open, suspended: false, .. } => {
                let has_pod: BTreeSet<u32> = pods.iter().map(|pod| pod.index).collect();
                open.iter().copied().filter(|index| !has_pod.contains(index)).collect()
            }
            Self::None | Self::Active { .. } | Self::Leaving { .. } | Self::Ended { .. } => Vec::new(),
        }
    }

    /// Its launch; 0 for none.
    #[must_use]
    pub fn launch(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Active { launch, .. } | Self::Leaving { launch } | Self::Ended { launch, .. } => *launch,
        }
    }
}

/// The indexes below `count` that are in none of these, as Kubernetes writes them: `1,3-5,7`.
fn open(count: u32, ended: &[Option<&str>]) -> Vec<u32> {
    let mut open: BTreeSet<u32> = (0..count).collect();
    for range in ended.iter().flatten().flat_map(|text| text.split(',')) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            open.retain(|index| !(first..=last).contains(index));
        }
    }
    open.into_iter().collect()
}

fn count(number: Option<i32>) -> u32 {
    u32::try_from(number.unwrap_or(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(launch: u32, rest: serde_json::Value) -> Job {
        let mut whole = json!({
            "metadata": {"name": format!("steno-b-{launch}"), "labels": {"steno/launch": launch.to_string()}},
        });
        for (key, value) in rest.as_object().unwrap() {
            match key.as_str() {
                "metadata" => {
                    whole["metadata"].as_object_mut().unwrap().extend(value.as_object().unwrap().clone())
                }
                other => whole[other] = value.clone(),
            }
        }
        serde_json::from_value(whole).unwrap()
    }

    fn failed(reason: &str) -> serde_json::Value {
        json!({"status": {"conditions": [
            {"type": "FailureTarget", "status": "True", "reason": reason},
            {"type": "Failed", "status": "True", "reason": reason, "message": "words"},
        ]}})
    }

    #[test]
    fn states_are_told_from_what_kubernetes_writes() {
        assert_eq!(JobState::latest(&[]), JobState::None);
        let jobs = [
            job(1, failed("PodFailurePolicy")),
            job(2, json!({"spec": {"completions": 3, "template": {}}, "status": {"active": 3}})),
        ];
        let active = JobState::Active {
            name: "steno-b-2".into(),
            launch: 2,
            pods: 3,
            open: vec![0, 1, 2],
            suspended: false,
        };
        assert_eq!(JobState::latest(&jobs), active);
        let message = "words".to_owned();
        assert_eq!(
            JobState::latest(&jobs[..1]),
            JobState::Ended { launch: 1, end: JobEnd::Refused { message: message.clone() } }
        );
        assert_eq!(
            JobState::latest(&[job(1, failed("FailedIndexes"))]),
            JobState::Ended { launch: 1, end: JobEnd::Exhausted { message } }
        );
        let complete = json!({"status": {"conditions": [{"type": "Complete", "status": "True"}]}});
        assert_eq!(
            JobState::latest(&[job(4, complete)]),
            JobState::Ended { launch: 4, end: JobEnd::Complete }
        );
        let leaving = json!({"metadata": {"deletionTimestamp": "2026-11-27T00:00:00Z"}});
        assert_eq!(JobState::latest(&[job(5, leaving)]), JobState::Leaving { launch: 5 });
        let one = PodView::without_pod(1, String::new());
        assert_eq!(JobState::latest(&jobs).bare(std::slice::from_ref(&one)), [0, 2]);
        let ended = json!({
            "spec": {"completions": 8, "template": {}},
            "status": {"active": 1, "completedIndexes": "0,2-4", "failedIndexes": "7"},
        });
        assert_eq!(JobState::latest(&[job(2, ended)]).bare(&[one]), [5, 6]);
        let waiting = job(1, json!({"spec": {"suspend": true, "template": {}}}));
        assert!(matches!(JobState::latest(&[waiting]), JobState::Active { pods: 0, suspended: true, .. }));
    }
}
