//! The worker's command line. The coordinator, or a pod's command, starts it; a person rarely does.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use steno_shared::exit::Exit;
use steno_shared::ids::ShardId;
use steno_shared::storage::Location;

use crate::decode_audio::{Confine, Ffmpeg, confinement};
use crate::pull_model::pull_model;
use crate::{decode_audio, run};

/// The hidden subcommand that says as JSON what the kernel of this machine holds a decoder to; an ffmpeg may be named after it.
const CONFINEMENT: &str = "confinement";

/// Transcribes the recordings of a batch, one lease after the other.
#[derive(Debug, Parser)]
#[command(name = "steno-worker", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work on a batch until nothing is left in it.
    Run {
        /// Configuration file, as `steno` writes it.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Name of this worker, shown in status.
        #[arg(long, default_value = "worker")]
        name: String,
        /// The shard to take recordings from first.
        #[arg(long, default_value_t = 0)]
        shard: u32,
        /// Stop when standard input ends, as it does when the parent dies.
        #[arg(long)]
        watch_stdin: bool,
    },
    /// Bring the batch's model into a folder, unless it is there already; several may do so at once.
    PullModel {
        /// Configuration file, as `steno` writes it.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Folder or s3://bucket/prefix with the model.
        #[arg(long, value_name = "PLACE")]
        from: Location,
        /// The model's folder.
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Before any other thread is there: none of these would be confined.
    match arguments.next() {
        Some(name) if name == decode_audio::child::SUBCOMMAND => return decode_audio::child::run(arguments),
        Some(name) if name == CONFINEMENT => {
            return say_confinement(arguments.next().map(PathBuf::from).as_deref());
        }
        Some(_) | None => {}
    }
    let command = Cli::parse().command;
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("STENO_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // Told on standard error too, it would panic: a full disk below the log must end no worker.
        .log_internal_errors(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "worker.no_runtime");
            return Exit::Internal.into();
        }
    };
    let exit = match command {
        Command::Run { config, name, shard, watch_stdin } => {
            runtime.block_on(run::run(&config, &name, ShardId(shard), watch_stdin))
        }
        Command::PullModel { config, from, to } => runtime.block_on(pull_model(&config, &from, &to)),
    };
    // A read of standard input may still hang in a thread of its own: do not wait for it.
    runtime.shutdown_background();
    exit.into()
}

/// What a decoder is held to: this ffmpeg, if one is named, else one that can be confined altogether.
fn say_confinement(ffmpeg: Option<&Path>) -> ExitCode {
    let confine = match ffmpeg {
        None => Ok(Confine::ToFiles(Vec::new())),
        Some(program) => std::env::current_exe().map_err(|error| error.to_string()).and_then(|worker| {
            let opened = Ffmpeg::open(program, &worker, &std::env::temp_dir());
            opened.map(|ffmpeg| ffmpeg.confine).map_err(|error| error.to_string())
        }),
    };
    let said = confine.and_then(|confine| {
        serde_json::to_writer(std::io::stdout(), &confinement(&confine)).map_err(|error| error.to_string())
    });
    match said {
        Ok(()) => Exit::Success.into(),
        Err(error) => {
            // Nothing is told to anybody when standard error is closed too.
            let _ = writeln!(std::io::stderr(), "{error}");
            Exit::Unusable.into()
        }
    }
}
