//! Recordings of synthetic speech, whose text is known: sentences ▸ say (espeak-ng) ▸ mix ▸ encode (ffmpeg) ▸ write.

mod condition;
mod encode;
mod format;
mod make;
mod mix;
mod music;
mod recipe;
mod say;
mod sentences;
mod voice;
mod wav;
mod write;

pub use condition::Condition;
pub use encode::check_encoders;
pub use format::Format;
pub use recipe::{Planned, Recipe};
pub use say::check_voice;
pub use sentences::Sentences;
pub use voice::Voice;
pub use write::write;
