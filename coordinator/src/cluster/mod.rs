//! A batch on Kubernetes. What is here is pure: it makes objects of typed plans and judges objects that were read.

mod job;
mod names;
mod nodes;
mod pod;
mod settings;
mod volumes;

pub use job::{JobPlan, job};
pub use names::{config_map_name, job_name};
pub use nodes::nodes_for;
pub use settings::{
    ClusterSettings, JobSettings, ModelCache, ModelSettings, RedisSettings, SecretKey, StorageSecret,
    WorkerSettings,
};
