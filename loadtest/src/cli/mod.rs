//! The command line.

mod arguments;
mod dispatch;
mod drawn;
mod files;
mod generate;
mod numbers;
mod queue;
mod recovery;
mod run;
mod simulate;
mod speech;
mod wer;

pub use dispatch::main;
