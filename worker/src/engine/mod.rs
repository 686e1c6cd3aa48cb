//! The engine: a loaded model that turns samples into segments.

mod batched;
mod check;
mod error;
mod fallback;
mod hear;
mod language;
mod load;
mod many;
mod self_test;
mod speech;
mod transcribe;
mod windows;
mod words;

pub use batched::{BatchDecoder, Done};
pub use error::EngineError;
pub use hear::Watch;
pub use load::{Engine, EngineDescription};
pub use transcribe::Progress;
