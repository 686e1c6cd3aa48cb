//! Where recordings come from and transcripts go: a folder or an S3-compatible bucket.

mod config;

pub use config::S3Config;
