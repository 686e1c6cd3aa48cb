//! Looking into a batch and changing it, on this machine or in a cluster, while it runs and after: `status`, `watch`, `items`,
//! `requeue`, `cancel`, `delete`.

mod access;
mod cancel;
mod cluster;
mod items;
mod requeue;
mod status;

pub use access::Access;
pub use cancel::cancel;
pub use cluster::{ClusterAccess, after_drain, exit_of};
pub use items::{Item, ItemFilter, StateName, items};
pub use requeue::{Selection, requeue};
pub use status::status;
