//! From a parsed command line to a command, and from its outcome to output and exit code.

use std::process::ExitCode;

use clap::Parser as _;
use steno_coordinator::progress::write_line;
use steno_shared::exit::Exit;

use super::arguments::{Cli, Command};
use super::generate::generate;
use super::queue::queue;
use super::recovery::{hold_item, recovery};
use super::run::run;
use super::simulate::simulate;
use super::wer::wer;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            write_line(&format!("steno-loadtest: failed to start its runtime: {error}"));
            return Exit::Internal.into();
        }
    };
    let outcome = match cli.command {
        Command::Generate(arguments) => runtime.block_on(generate(&arguments)).map(|()| Exit::Success),
        Command::Queue(arguments) => runtime.block_on(queue(&arguments)).map(|()| Exit::Success),
        Command::Recovery(arguments) => recovery(&arguments).map(|()| Exit::Success),
        Command::Hold(arguments) => runtime.block_on(hold_item(&arguments)).map(|()| Exit::Success),
        Command::Run(arguments) => runtime.block_on(run(&arguments)),
        Command::Simulate(arguments) => simulate(&arguments).map(|()| Exit::Success),
        Command::Wer(arguments) => runtime.block_on(wer(&arguments)),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            write_line(&format!("steno-loadtest: {failure}"));
            failure.exit.into()
        }
    }
}
