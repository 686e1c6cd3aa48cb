//! A discrete-event simulation of a batch: what one schedule or another makes of the same recordings on the same nodes.
//!
//! Pure: no clock, no Redis. Where it plays Steno, the plan, the order of shards, and how much is claimed ahead are the
//! product's own code.

mod compare;
mod course;
mod farm;
mod outcome;
mod parts;
mod policy;
mod queue;

#[cfg(test)]
mod tests;

pub use compare::{Backlog, Comparison, Row, Run};
pub use course::simulate;
pub use farm::{Farm, Faults, Job};
pub use outcome::{Doing, Outcome, Span};
pub use policy::Policy;
