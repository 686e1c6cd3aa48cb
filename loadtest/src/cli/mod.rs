//! The command line.

mod arguments;
mod dispatch;
mod drawn;
mod files;
mod generate;
mod run;
mod simulate;

pub use dispatch::main;
