//! `steno coordinate`: the coordinator in a cluster. It looks at each batch whenever something changes, decides, acts, and
//! keeps nothing in memory that it could not read again: it may die at any moment.

use std::time::Duration;

mod admission;
mod intake;
mod reconcile;
mod run;
mod webhook;

pub use intake::model_place;
pub use run::{CoordinateRequest, coordinate};

/// How soon a batch is looked at again while it is under way: Redis tells of no change by itself.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
