//! What a store promises, shown on a folder and on a real S3 server.

mod concurrency;
mod conformance;
mod folder;
mod names;
mod s3_faults;
mod s3_refusals;
mod world;
