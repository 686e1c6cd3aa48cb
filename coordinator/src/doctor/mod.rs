//! `steno doctor`: whether everything that a batch needs, on this machine or in a cluster, is there, and what to do where it is not.

mod check;
mod clocks;
mod cluster;
mod decoder;
mod inside;
mod local;
mod nodes;
mod probe;
mod rights;

pub use check::{Check, Outcome, report};
pub use cluster::check_cluster;
pub use inside::check_inside;
pub use local::check_local;
