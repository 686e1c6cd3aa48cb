//! The commands.

use clap::{Parser, Subcommand};

use super::simulate::SimulateArguments;

/// Makes up backlogs of recordings, and says what they cost under one schedule or another.
#[derive(Debug, Parser)]
#[command(name = "steno-loadtest", version, propagate_version = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Simulate a backlog under several schedules: how long it takes, how idle the nodes are, what it costs.
    ///
    /// Nothing is started and nothing transcribed. The planner and the order of claims are Steno's own.
    Simulate(SimulateArguments),
}
