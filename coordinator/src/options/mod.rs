//! Transcription options as users give them: by flags or in a file, under the reference's names.

mod error;
mod file;
mod kind;
mod settings;
mod table;

pub use error::SettingsError;
pub use kind::Kind;
pub use settings::Settings;
pub use table::{Group, OPTIONS, Spec, VAD_PARAMETERS, find};
