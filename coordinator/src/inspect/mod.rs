//! Looking into a local batch and changing it, while it runs and after: `status`, `items`, `requeue`, `cancel`.

mod access;
mod cancel;
mod items;
mod requeue;
mod status;

pub use access::Access;
pub use cancel::cancel;
pub use items::{ItemFilter, StateName, items};
pub use requeue::{Selection, requeue};
pub use status::status;
