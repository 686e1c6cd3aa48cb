//! A cache of models: a folder that is filled once, however many ask for it, and never seen half filled.

mod error;
mod fill;
mod remote;

pub use error::PullError;
pub use fill::{Pulled, pull};
pub use remote::{RemoteModel, look};
