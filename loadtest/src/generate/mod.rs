//! Made-up recordings without speech, written into a folder or bucket.

mod backlog;
mod write;

pub(crate) use backlog::recording_name;
pub use backlog::{Backlog, Made};
pub use write::{WriteError, Written, write};
