//! Objects as files below a folder.

mod list;
mod read;
mod write;

pub use read::FolderStore;
