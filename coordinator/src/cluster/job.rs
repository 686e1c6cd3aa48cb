//! The one Indexed Job of a batch's launch.

use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use steno_shared::exit::Exit;

use super::job_plan::JobPlan;
use super::names::{QUEUE, job_name, labels};
use super::pod::pod;

/// The Job of a plan: a pod for each node, whose completion index is the shard that it begins with.
#[must_use]
pub fn job(plan: &JobPlan<'_>) -> Job {
    let settings = &plan.settings.job;
    let nodes = i32::try_from(plan.nodes.get()).unwrap_or(i32::MAX);
    let labels = labels(plan.batch, plan.launch);
    let mut job_labels = labels.clone();
    job_labels.extend(settings.queue.iter().map(|queue| (QUEUE.to_owned(), queue.clone())));
    Job {
        metadata: ObjectMeta {
            name: Some(job_name(plan.batch, plan.launch)),
            labels: Some(job_labels),
            owner_references: Some(vec![plan.owner.clone()]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            completion_mode: Some("Indexed".to_owned()),
            completions: Some(nodes),
            parallelism: Some(nodes),
            backoff_limit_per_index: Some(settings.retries_per_node),
            pod_failure_policy: Some(failure_policy()),
            // The only value that goes with a failure policy: a pod is replaced once it is known to have ended.
            pod_replacement_policy: Some("Failed".to_owned()),
            ttl_seconds_after_finished: Some(settings.keep_seconds),
            // Kueue starts what waits in its queue.
            suspend: Some(settings.queue.is_some()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                spec: Some(pod(plan)),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// What the end of a pod means for its index and the Job; the first rule that fits counts. Everything else is tried again.
fn failure_policy() -> PodFailurePolicy {
    PodFailurePolicy {
        rules: vec![
            // Evicted, preempted, its node gone: not its fault, and replaced without being counted.
            PodFailurePolicyRule {
                action: "Ignore".to_owned(),
                on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                    type_: "DisruptionTarget".to_owned(),
                    status: "True".to_owned(),
                }]),
                ..PodFailurePolicyRule::default()
            },
            // What no node can do better: configuration, credentials, bucket, model.
            on_exit("FailJob", &[Exit::Usage, Exit::Unusable]),
            // This node's device is bad; the others go on.
            on_exit("FailIndex", &[Exit::BadEngine]),
        ],
    }
}

fn on_exit(action: &str, exits: &[Exit]) -> PodFailurePolicyRule {
    PodFailurePolicyRule {
        action: action.to_owned(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            // Of any container: the one that fetches the model has the same codes.
            container_name: None,
            operator: "In".to_owned(),
            values: exits.iter().map(|&exit| i32::from(exit as u8)).collect(),
        }),
        ..PodFailurePolicyRule::default()
    }
}

#[cfg(test)]
mod tests;
