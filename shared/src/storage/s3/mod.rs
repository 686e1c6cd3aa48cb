//! Objects below a prefix of an S3-compatible bucket.

mod client;
mod error;
mod list;
mod read;
mod write;

pub use client::S3Store;
