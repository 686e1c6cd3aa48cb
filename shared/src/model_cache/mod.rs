//! A cache of models: a folder that is filled once, however many ask for it, and never seen half filled.

mod error;
mod fill;
mod remote;
mod steps;

pub use error::PullError;
pub use fill::{Pulled, pull};
pub use remote::{RemoteModel, look};
pub use steps::Steps;
