//! A load test of the real thing: `steno run` works on a backlog, and is watched.

mod child;
mod course;
mod latencies;
mod measure;
mod sample;
mod verdict;

pub use child::{Child, Launch};
pub use latencies::{LatencyFigures, read_latencies};
pub use measure::{Round, measure};
pub use sample::{Sample, Samples};
pub use verdict::Limits;
