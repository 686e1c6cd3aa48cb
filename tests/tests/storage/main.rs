//! What a store promises, shown on a folder and on a real S3 server.

#![expect(clippy::unwrap_used, reason = "a scenario stops at the first thing that goes wrong")]

mod concurrency;
mod conformance;
mod folder;
mod listing_folders;
mod listing_fuzz;
mod made_up_store;
mod names;
mod s3_faults;
mod s3_refusals;
mod world;
