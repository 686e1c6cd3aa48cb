//! The commands and their arguments, but for those of `run`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use steno_shared::ids::BatchId;
use steno_shared::storage::Location;

use super::cluster_arguments::{
    BatchArguments, ClusterArguments, CoordinateArguments, DoctorArguments, SubmitArguments,
};
use super::run_arguments::RunArguments;
use super::s3_arguments::S3Arguments;
use crate::inspect::StateName;

/// Transcribes backlogs of recordings.
#[derive(Debug, Parser)]
#[command(name = "steno", version, propagate_version = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Transcribe all recordings of a folder or bucket on this machine.
    ///
    /// Running the same command again goes on where it stopped, and costs nothing for what is done.
    Run(Box<RunArguments>),
    /// List the recordings of a folder or bucket with their lengths, a JSON object a line.
    Manifest(ManifestArguments),
    /// Have all recordings of a bucket transcribed by the GPU nodes of a Kubernetes cluster.
    ///
    /// Submitting the same again looks through the input again, and costs nothing for what is done.
    Submit(Box<SubmitArguments>),
    /// Show how far a batch is.
    Status(StatusArguments),
    /// Show how far a batch in a cluster is until nothing more will happen; the exit code tells how it ended.
    Watch(WatchArguments),
    /// List the recordings of a batch by state, with their errors.
    Items(ItemsArguments),
    /// Put failed recordings back into their batch.
    Requeue(RequeueArguments),
    /// Build a batch anew from its input and output, where Redis has lost it or a part of it; workers may live meanwhile.
    Reconcile(BatchArguments),
    /// Let a batch hand out nothing more; what is in hand is finished.
    Cancel(BatchArguments),
    /// Remove a batch: its leases, and in a cluster its Jobs and pods. Transcripts stay where they are.
    Delete(DeleteArguments),
    /// Check that this machine, or with --kube a cluster, has everything that a batch needs, and say what to do where it has not.
    Doctor(DoctorArguments),
    /// Fill a model cache.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Look after the batches of a namespace (the chart runs it).
    #[command(hide = true)]
    Coordinate(CoordinateArguments),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Become redis-server, tied to the life of `steno run` (it starts itself so).
    #[command(hide = true)]
    ExecRedisServer {
        parent: u32,
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
}

#[derive(Debug, Args)]
pub(super) struct ManifestArguments {
    /// Folder or s3://bucket/prefix with the recordings.
    pub(super) input: Location,
    #[command(flatten)]
    pub(super) s3: S3Arguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Bring a model into a folder or a bucket, with checksums, whole or not at all.
    Pull {
        /// Hugging Face id, s3://bucket/prefix or folder of a Whisper model in CTranslate2's format.
        source: String,
        /// Folder or s3://bucket/prefix that will hold the model's files.
        #[arg(long, value_name = "PLACE")]
        to: Location,
        #[command(flatten)]
        s3: S3Arguments,
    },
}

#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    /// The batch [default: the one that is under way, else the latest].
    pub(super) batch: Option<BatchId>,
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,
    /// A shell command to run when nothing runs any more, such as one that scales the GPU pool to 0.
    #[arg(long, value_name = "COMMAND")]
    pub(super) after_drain: Option<String>,
    /// Print the last state as a JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DeleteArguments {
    /// The batch in the cluster.
    #[arg(requires = "kube", required_unless_present = "state")]
    pub(super) batch: Option<BatchId>,
    /// The batch's state folder on this machine; it is removed.
    #[arg(long, value_name = "DIR", conflicts_with = "kube")]
    pub(super) state: Option<PathBuf>,
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,
}

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pub(super) batch: BatchArguments,
    /// Print a JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ItemsArguments {
    #[command(flatten)]
    pub(super) batch: BatchArguments,
    /// Only recordings in this state.
    #[arg(long = "in", value_name = "STATE")]
    pub(super) in_state: Option<StateName>,
    /// Only failed recordings; the same as --in dead.
    #[arg(long, conflicts_with = "in_state")]
    pub(super) failed: bool,
    /// Print a JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RequeueArguments {
    #[command(flatten)]
    pub(super) batch: BatchArguments,
    /// All failed recordings.
    #[arg(long, conflicts_with_all = ["ids", "names", "classes"], required_unless_present_any = ["ids", "names", "classes"])]
    pub(super) all: bool,
    /// A failed recording by its id (see `steno items --failed`); may be repeated.
    #[arg(long = "id", value_name = "ID")]
    pub(super) ids: Vec<String>,
    /// Failed recordings whose name this pattern matches, such as 'calls/2026-*/*.mp3'; may be repeated.
    #[arg(long = "name", value_name = "GLOB")]
    pub(super) names: Vec<String>,
    /// Failed recordings by the class of their error; may be repeated.
    #[arg(long = "class", value_name = "CLASS", value_parser = ["retry", "poison", "lost", "released"])]
    pub(super) classes: Vec<String>,
}
