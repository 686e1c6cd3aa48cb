//! The command line.

mod arguments;
mod dispatch;
mod simulate;

pub use dispatch::main;
