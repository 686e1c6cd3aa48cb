//! `steno-loadtest queue`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use steno_coordinator::cli::{print, print_json};
use steno_coordinator::failure::Failure;
use steno_coordinator::progress::write_line;

use crate::queue::{Figures, Load, Peer, RedisServer, measure_steno};

/// Items and workers that can be asked for.
const ITEMS_MAX: i64 = 10_000_000;
const WORKERS_MAX: i64 = 10_000;

#[derive(Debug, Args)]
pub(super) struct QueueArguments {
    /// Items to put in; a measurement for each number.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "10000,100000", value_parser = clap::value_parser!(u64).range(1..=ITEMS_MAX as u64))]
    items: Vec<u64>,
    /// Workers that take them out at once, each with a connection of its own.
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u32).range(1..=WORKERS_MAX))]
    workers: u32,
    /// How long a worker holds an item on average, in milliseconds; 0 is as fast as it goes.
    #[arg(long, value_name = "MS", default_value = "0", value_parser = clap::value_parser!(u64).range(..=600_000))]
    hold_ms: u64,
    /// How long items are taken out at most, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    measure: u64,
    /// A folder of other queues to measure beside Steno's, such as loadtest/peers of Steno's source.
    #[arg(long, value_name = "FOLDER")]
    peers: Option<PathBuf>,
    /// Print a JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Measures, each queue at each size on a new redis-server with the same settings.
pub(super) async fn queue(arguments: &QueueArguments) -> Result<(), Failure> {
    let peers = arguments.peers.as_deref().map(Peer::all_in).transpose()?.unwrap_or_default();
    if !arguments.json {
        print(&head())?;
    }
    for &items in &arguments.items {
        let load = Load {
            items,
            workers: arguments.workers,
            hold: Duration::from_millis(arguments.hold_ms),
            measure: Duration::from_secs(arguments.measure),
        };
        let steno = measure_steno(&RedisServer::start()?, load).await?;
        show(&steno, &steno, arguments.json)?;
        for peer in &peers {
            match peer.measure(&RedisServer::start()?, load) {
                Ok(figures) => show(&figures, &steno, arguments.json)?,
                // The others are worth knowing all the same.
                Err(failure) => write_line(&format!("{} was not measured: {failure}", peer.name)),
            }
        }
    }
    Ok(())
}

fn show(figures: &Figures, steno: &Figures, json: bool) -> Result<(), Failure> {
    if json { print_json(figures) } else { print(&row(figures, steno)) }
}

fn head() -> String {
    format!(
        "{:<10}{:>10}{:>9}{:>12}{:>12}{:>9}{:>12}{:>12}{:>26}",
        "queue",
        "items",
        "workers",
        "enqueued/s",
        "done/s",
        "÷ steno",
        "bytes/item",
        "CPU us/item",
        "claim p50/p99/p99.9 ms"
    )
}

fn row(figures: &Figures, steno: &Figures) -> String {
    let mut out = format!(
        "{:<10}{:>10}{:>9}{:>12.0}{:>12.0}{:>9.2}{:>12.0}{:>12.0}",
        figures.queue,
        figures.items,
        figures.workers,
        figures.enqueued_per_second,
        figures.done_per_second,
        figures.done_per_second / steno.done_per_second.max(1e-9),
        figures.bytes_per_item,
        figures.cpu_us_per_item,
    );
    if let (Some(p50), Some(p99), Some(p999)) =
        (figures.claim_p50_ms, figures.claim_p99_ms, figures.claim_p999_ms)
    {
        let claims = format!("{p50:.2}/{p99:.2}/{p999:.2}");
        let _ = write!(out, "{claims:>26}");
    }
    out
}
