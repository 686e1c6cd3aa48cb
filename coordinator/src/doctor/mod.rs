//! `steno doctor`: whether everything that a batch in a cluster needs is there, and what to do where it is not.

mod check;
mod clocks;
mod cluster;
mod inside;
mod nodes;
mod probe;
mod rights;

pub use check::{Check, Outcome, report};
pub use cluster::check_cluster;
pub use inside::check_inside;
