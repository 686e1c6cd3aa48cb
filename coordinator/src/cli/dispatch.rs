//! From a parsed command line to a command, and from its outcome to output and exit code.

use std::collections::HashSet;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use globset::{Glob, GlobMatcher};
use steno_shared::exit::Exit;
use steno_shared::leases::ItemState;
use steno_shared::storage::Store;

use super::arguments::{
    Cli, Command, DeleteArguments, ItemsArguments, ManifestArguments, ModelCommand, RequeueArguments,
    StatusArguments,
};
use super::cluster_arguments::BatchArguments;
use super::dispatch_cluster;
use super::output::{print, print_json};
use super::run_arguments::RunArguments;
use crate::failure::Failure;
use crate::inspect::{self, Access, Item, ItemFilter, Selection};
use crate::manifest::Found;
use crate::progress::write_line;
use crate::quantities::{audio_seconds, counted, name};
use crate::{coordinate, manifest, model, reconcile, run, state};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // A service's log is all that is seen of it.
    listen_to_log(matches!(cli.command, Command::Coordinate(_)));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            write_line(&format!("steno: failed to start its runtime: {error}"));
            return Exit::Internal.into();
        }
    };
    let outcome = match cli.command {
        Command::ExecRedisServer { parent, program, arguments } => {
            return state::exec_redis_server(parent, &program, &arguments);
        }
        Command::Run(arguments) => runtime.block_on(run_batch(*arguments)),
        Command::Manifest(arguments) => runtime.block_on(print_manifest(arguments)),
        Command::Status(arguments) => runtime.block_on(print_status(arguments)),
        Command::Items(arguments) => runtime.block_on(print_items(arguments)),
        Command::Requeue(arguments) => runtime.block_on(requeue(arguments)),
        Command::Reconcile(arguments) => runtime.block_on(reconcile_batch(arguments)),
        Command::Cancel(arguments) => runtime.block_on(cancel(arguments)),
        Command::Submit(arguments) => runtime.block_on(dispatch_cluster::submit(*arguments)),
        Command::Watch(arguments) => runtime.block_on(dispatch_cluster::watch(arguments)),
        Command::Delete(arguments) => runtime.block_on(delete(arguments)),
        Command::Doctor(arguments) => runtime.block_on(dispatch_cluster::doctor(arguments)),
        Command::Model(command) => runtime.block_on(pull_model(command)),
        Command::Coordinate(arguments) => {
            runtime.block_on(coordinate::coordinate(arguments.request())).map(|()| Exit::Success)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "steno", &mut std::io::stdout());
            Ok(Exit::Success)
        }
    };
    // Threads that still read headers end with the process. Without their runtime they would panic.
    std::mem::forget(runtime);
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            write_line(&format!("steno: {failure}"));
            failure.exit.into()
        }
    }
}

fn listen_to_log(is_service: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("STENO_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(if is_service { "info" } else { "error" }));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(!is_service)
        .log_internal_errors(false)
        .init();
}

async fn run_batch(arguments: RunArguments) -> Result<Exit, Failure> {
    let json = arguments.json;
    let summary = run::run(arguments.request()?).await?;
    if json {
        print_json(&summary)?;
    } else {
        print(&summary.text())?;
    }
    Ok(summary.exit())
}

async fn print_manifest(arguments: ManifestArguments) -> Result<Exit, Failure> {
    let store = Store::open(&arguments.input, &arguments.s3.config()).await?;
    store.check_readable().await?;
    let stdout = std::io::BufWriter::new(std::io::stdout().lock());
    let summary = manifest::write_manifest(&store, stdout, |found, _| match found {
        Found::Unreadable(recording, cause) => {
            write_line(&format!("The headers of {} cannot be read: {cause}", name(&recording.name, 80)));
        }
        Found::Lost(error) => write_line(&format!("Left out: {error}")),
        Found::Recording(_) | Found::Other => {}
    })
    .await?;
    write_line(&format!(
        "{}, {} of audio{}",
        counted(summary.recordings, "recording"),
        audio_seconds(summary.seconds),
        if summary.estimated > 0 {
            format!(" ({} estimated from their size)", summary.estimated)
        } else {
            String::new()
        }
    ));
    Ok(if summary.lost > 0 { Exit::SomeFailed } else { Exit::Success })
}

async fn print_status(arguments: StatusArguments) -> Result<Exit, Failure> {
    if arguments.batch.cluster.kube {
        return dispatch_cluster::print_status(&arguments.batch, arguments.json).await;
    }
    let access = Access::open(arguments.batch.state.as_deref()).await?;
    let status = inspect::status(&access).await;
    access.close().await;
    let status = status?;
    if arguments.json {
        print_json(&status)?
    } else {
        print(&status.text())?
    };
    Ok(Exit::Success)
}

async fn print_items(arguments: ItemsArguments) -> Result<Exit, Failure> {
    let state =
        if arguments.failed { Some(ItemState::Dead) } else { arguments.in_state.map(ItemState::from) };
    let filter = ItemFilter { state };
    let mut printed = Ok(());
    let each = |item: Item| {
        if printed.is_ok() {
            printed = if arguments.json { print_json(&item) } else { print(&item.text()) };
        }
    };
    if arguments.batch.cluster.kube {
        let access = dispatch_cluster::open(&arguments.batch).await?;
        inspect::items(&access.leases, access.record.course.shards, &filter, each).await?;
    } else {
        let access = Access::open(arguments.batch.state.as_deref()).await?;
        let listed = inspect::items(&access.leases, access.meta.shards, &filter, each).await;
        access.close().await;
        listed?;
    }
    printed?;
    Ok(Exit::Success)
}

async fn requeue(arguments: RequeueArguments) -> Result<Exit, Failure> {
    let selection = if arguments.all {
        Selection::All
    } else {
        Selection::Some {
            ids: arguments.ids.into_iter().collect(),
            names: arguments.names.iter().map(|text| glob(text)).collect::<Result<_, _>>()?,
            classes: arguments.classes.into_iter().collect::<HashSet<_>>(),
        }
    };
    if arguments.batch.cluster.kube {
        return dispatch_cluster::requeue(&arguments.batch, &selection).await;
    }
    let access = Access::open(arguments.batch.state.as_deref()).await?;
    let requeued = inspect::requeue(&access.leases, access.meta.shards, &selection).await;
    let running = access.is_running();
    access.close().await;
    let requeued = requeued?;
    let next = match (requeued, running) {
        (0, _) => "",
        (_, true) => "; the run takes them up",
        (_, false) => "; run the same `steno run` again to transcribe them",
    };
    print(&format!("{} requeued{next}", counted(requeued, "failed recording")))?;
    Ok(Exit::Success)
}

async fn pull_model(command: ModelCommand) -> Result<Exit, Failure> {
    let ModelCommand::Pull { source, to, s3 } = command;
    let pulled = model::pull(&source, &to, &s3.config()).await?;
    print(&format!(
        "{to} holds model {source}, hash {}{}",
        pulled.hash,
        if pulled.fetched_bytes == 0 { "; it did already" } else { "" }
    ))?;
    Ok(Exit::Success)
}

fn glob(text: &str) -> Result<GlobMatcher, Failure> {
    Glob::new(text).map(|glob| glob.compile_matcher()).map_err(Failure::usage)
}

async fn reconcile_batch(arguments: BatchArguments) -> Result<Exit, Failure> {
    if arguments.cluster.kube {
        return dispatch_cluster::reconcile(&arguments).await;
    }
    print(&reconcile::reconcile(arguments.state.as_deref(), &write_line).await?)?;
    Ok(Exit::Success)
}

async fn delete(arguments: DeleteArguments) -> Result<Exit, Failure> {
    let Some(state) = arguments.state.as_deref() else {
        return dispatch_cluster::delete(arguments).await;
    };
    let access = Access::reach(Some(state)).await?;
    let output = access.meta.output.clone();
    access.delete().await?;
    print(&format!("Deleted the batch of {}; its transcripts stay in {output}", state.display()))?;
    Ok(Exit::Success)
}

async fn cancel(arguments: BatchArguments) -> Result<Exit, Failure> {
    if arguments.cluster.kube {
        return dispatch_cluster::cancel(&arguments).await;
    }
    let access = Access::open(arguments.state.as_deref()).await?;
    let cancelled = inspect::cancel(&access).await;
    let running = access.is_running();
    access.close().await;
    cancelled?;
    print(if running {
        "Cancelled: workers finish what they have in hand. The same `steno run` takes the batch up again."
    } else {
        "Cancelled; no run was on. The same `steno run` takes the batch up again."
    })?;
    Ok(Exit::Success)
}
