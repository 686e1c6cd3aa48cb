//! The native engine: `CTranslate2`'s Whisper on a CPU or a GPU.

mod align;
mod busy;
mod device;
mod error;
mod speech_model;
mod window_model;

pub use align::Alignment;
pub use busy::{Busy, BusyTime, FirstPasses};
pub use device::{ChosenDevice, native_compute_type};
pub use error::NativeError;
pub use speech_model::{Encoded, Generated, SpeechModel};
pub use window_model::WindowModel;
