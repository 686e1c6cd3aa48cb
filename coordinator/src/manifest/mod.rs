//! The manifest: which objects are recordings, and how long each is.

mod classify;
mod error;
mod line;
mod lines;
mod probe_entry;
mod read;
mod write;

pub use classify::{ByName, by_name};
pub use error::ManifestError;
pub(crate) use lines::RECORDINGS_MAX;
pub use lines::copy_manifest;
pub use probe_entry::Unreadable;
pub use read::{Notice, ReadManifest, read_manifest};
pub use write::{Found, KnownLength, KnownLengths, Summary, list_recordings, write_manifest};

#[cfg(test)]
mod tests;
