//! The worker: one recording after the other, from claim to complete.

pub mod assemble;
pub mod decode_audio;
pub mod disposition;
pub mod engine;
pub mod features;
pub mod generate;
pub mod model;
pub mod tokenizer;
pub mod transcribe;
