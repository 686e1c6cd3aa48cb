//! The coordinator: a manifest of recordings becomes leases, workers are supervised, the outcome is reported.

mod backlog;
pub mod cli;
pub mod cluster;
pub mod coordinate;
pub mod doctor;
pub mod existing;
pub mod failure;
pub mod inspect;
pub mod kubernetes;
mod listed;
mod listing;
pub mod machine;
pub mod manifest;
pub mod model;
pub mod options;
pub mod plan;
pub mod probe;
pub mod programs;
pub mod progress;
pub mod quantities;
pub mod run;
mod simulated_output;
pub mod state;
pub mod submit;
pub mod summary;
pub mod supervise;
mod worker_environment;
