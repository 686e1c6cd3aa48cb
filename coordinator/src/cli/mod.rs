//! The command line: parsed once here into the requests that the commands take.

mod arguments;
mod cluster_arguments;
mod dispatch;
mod dispatch_cluster;
mod engine_arguments;
mod options_arguments;
mod output;
mod run_arguments;
mod s3_arguments;
mod subtitle_arguments;
mod transcript_arguments;

pub use cluster_arguments::ClusterArguments;
pub use dispatch::main;
pub use output::{print, print_json};
pub use s3_arguments::S3Arguments;
