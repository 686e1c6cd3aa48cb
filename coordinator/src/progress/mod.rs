//! How far a batch is: a snapshot of it, and how it is shown.

mod counts;
mod display;
mod engine_time;
mod estimate;
mod snapshot;

pub use display::Display;
pub use display::write_line;
pub use engine_time::EngineTime;
pub use estimate::Estimate;
pub use snapshot::{Snapshot, Totals};
