//! Where recordings come from and transcripts go: a folder or an S3-compatible bucket.
//!
//! [`Store`] is the one way in. What both backends promise is written on its methods and held by one
//! conformance suite (`tests/tests/storage/`) that runs against a folder and a real S3 server.

mod config;
mod error;
mod folder;
mod key;
mod location;
mod s3;
mod store;

pub use config::S3Config;
pub use error::{Retryable, StorageError, StorageErrorKind};
pub use folder::FolderStore;
pub(crate) use key::TEMPORARY_PREFIX;
pub use location::{InvalidLocation, Location};
pub use s3::S3Store;
pub use store::{Entry, Put, PutCondition, Store};
