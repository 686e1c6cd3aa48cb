//! The command line: parsed once here into the requests that the commands take.

mod arguments;
mod dispatch;
mod options_arguments;
mod run_arguments;
mod s3_arguments;
mod subtitle_arguments;

pub use dispatch::main;
