//! From a parsed command line to a command, and from its outcome to output and exit code.

use std::process::ExitCode;

use clap::Parser as _;
use steno_coordinator::progress::write_line;
use steno_shared::exit::Exit;

use super::arguments::{Cli, Command};
use super::simulate::simulate;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Simulate(arguments) => simulate(&arguments),
    };
    match outcome {
        Ok(()) => Exit::Success.into(),
        Err(failure) => {
            write_line(&format!("steno-loadtest: {failure}"));
            failure.exit.into()
        }
    }
}
