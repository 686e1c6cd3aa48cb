//! The engine: a loaded model that turns samples into segments.

mod check;
mod error;
mod fallback;
mod language;
mod load;
mod self_test;
mod speech;
mod transcribe;
mod windows;
mod words;

pub use error::EngineError;
pub use load::{Engine, EngineDescription};
pub use transcribe::Progress;
