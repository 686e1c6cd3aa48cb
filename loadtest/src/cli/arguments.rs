//! The commands.

use clap::{Parser, Subcommand};

use super::generate::GenerateArguments;
use super::queue::QueueArguments;
use super::recovery::{HoldArguments, RecoveryArguments};
use super::run::RunArguments;
use super::simulate::SimulateArguments;
use super::wer::WerArguments;

/// Makes up backlogs of recordings, and says what they cost under one schedule or another.
#[derive(Debug, Parser)]
#[command(name = "steno-loadtest", version, propagate_version = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a backlog: recordings of drawn lengths in a folder or bucket, without speech or, with --speech, of synthetic speech.
    ///
    /// The same options make the same recordings; what is there already is left alone, so that the same command goes on where it
    /// stopped.
    Generate(GenerateArguments),
    /// Load the leases alone, without recordings: items a second, times of claims, bytes an item; beside other queues.
    Queue(QueueArguments),
    /// Kill workers that hold an item, and tell how long it takes until another has it; beside other queues.
    Recovery(RecoveryArguments),
    /// Hold an item, for `recovery` to kill.
    #[command(hide = true)]
    Hold(HoldArguments),
    /// Run a backlog through the real Steno, and measure: makespan, busy shares, latencies, Redis.
    ///
    /// Starts `steno run` beside this program, with the simulated engine or a real one, and watches it. Exits with 1 if a limit is
    /// broken.
    Run(Box<RunArguments>),
    /// Simulate a backlog under several schedules: how long it takes, how idle the nodes are, what it costs.
    ///
    /// Nothing is started and nothing transcribed. The planner and the order of claims are Steno's own.
    Simulate(SimulateArguments),
    /// Tell the word error rate of transcripts whose recordings' texts are known.
    ///
    /// Exits with 1 if it is above --max-wer.
    Wer(WerArguments),
}
