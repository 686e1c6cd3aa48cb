//! The coordinator: a manifest of recordings becomes leases, workers are supervised, the outcome is reported.

pub mod manifest;
pub mod plan;
pub mod probe;
