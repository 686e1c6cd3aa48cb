//! A load test of the real thing: `steno run` works on a backlog, and is watched.

mod child;
mod course;
mod logs;
mod measure;
mod sample;
mod verdict;

pub use child::{Child, Launch};
pub use logs::{LatencyFigures, Told, read_logs};
pub use measure::{Round, measure};
pub use sample::{Sample, Samples};
pub use verdict::Limits;
