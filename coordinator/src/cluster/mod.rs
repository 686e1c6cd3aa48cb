//! A batch on Kubernetes. What is here is pure: it makes objects of typed plans and judges objects that were read.

mod batch_user;
mod decide;
mod job;
mod job_plan;
mod job_state;
mod model_claim;
mod names;
mod nodes;
mod pod;
mod pods;
mod record;
#[cfg(test)]
pub(crate) mod sample;
mod settings;
mod view;
mod volumes;
mod worker_config;

pub use batch_user::BatchUser;
pub use decide::{Decision, Situation, decide};
pub use job::job;
pub use job_plan::JobPlan;
pub use job_state::{JobEnd, JobState};
pub use model_claim::judge_model_claim;
pub use names::{
    BATCH, BATCHES, COORDINATOR, REDIS, SETTINGS, WORKERS, config_map_name, job_name, launch_of, record_name,
    workers_of,
};
pub use nodes::nodes_for;
pub use pods::{PodState, PodView, last_words, phase, why_no_pods, why_waiting};
pub use record::{
    BatchRequest, Course, Found, MANIFEST_BYTES_MAX, Phase, Record, Wishes, course_entry, new_record,
    trouble, user_entries, wishes_entry,
};
pub use settings::{
    AfterDrain, ClusterSettings, JobSettings, ModelCache, ModelSettings, Price, RedisSettings, RedisUser,
    SecretKey, StorageSecret, WorkerSettings,
};
pub use view::{ClusterStatus, NodeStatus, ReplacedPods};
pub use volumes::MODELS;
pub use worker_config::{redis_config, worker_config_map};
