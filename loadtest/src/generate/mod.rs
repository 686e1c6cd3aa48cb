//! Made-up recordings, written into a folder or bucket.

mod backlog;
mod write;

pub use backlog::{Backlog, Made};
pub use write::{WriteError, Written, write};
