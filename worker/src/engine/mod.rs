//! The engine: a loaded model that turns samples into segments.

mod batched;
mod error;
mod hear;
mod load;
mod self_test;
mod transcribe;

pub use batched::{BatchDecoder, Done, Watch};
pub use error::EngineError;
pub use load::{Engine, EngineDescription};
pub use transcribe::Progress;
