//! Supervising local workers: start, watch, restart within limits.

mod policy;
mod workers;

pub use policy::{Decision, Situation, SlotHistory, WorkerEnd, decide};
pub use workers::{Ended, Workers};
