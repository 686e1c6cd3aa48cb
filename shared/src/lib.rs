//! What the coordinator and the worker both use.
//!
//! A type is admitted here only when two binaries use it. No Kubernetes and no native engine in this crate.

pub mod ahead;
pub mod batch;
pub mod exit;
pub mod fingerprint;
pub mod flac;
pub mod ids;
pub mod leases;
pub mod model_cache;
pub mod model_folder;
pub mod options;
pub mod output_name;
pub mod pace;
pub mod part_key;
pub mod pieces;
pub mod recording;
pub mod simulated;
pub mod storage;
pub mod subtitles;
pub mod transcript;
pub mod worker_config;
