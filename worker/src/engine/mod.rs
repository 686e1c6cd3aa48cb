//! The engine: a loaded model that turns samples into segments.

mod error;
mod load;
mod self_test;
mod transcribe;

pub use error::EngineError;
pub use load::{Engine, EngineDescription};
pub use transcribe::Progress;
