//! A load test of the real thing: Steno works on a backlog, on this machine or in a cluster, and is watched.

mod child;
mod cluster;
mod course;
mod launch;
mod logs;
mod machine;
mod measure;
mod sample;
mod seen;
mod verdict;

pub use launch::{Launch, Place};
pub use logs::{LatencyFigures, Told};
pub use measure::{Round, measure};
pub use sample::{Sample, Samples};
pub use verdict::Limits;
