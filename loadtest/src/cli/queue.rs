//! `steno-loadtest queue`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use steno_coordinator::cli::{print, print_json};
use steno_coordinator::failure::Failure;
use steno_coordinator::progress::write_line;

use crate::queue::{Figures, Load, Peer, RedisServer, measure_steno};
use crate::spread::Spread;

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
    /// Measurements of each size: Steno and the others take turns. The table shows medians, and of the items done a second
    /// the least and the greatest.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// Only these queues beside Steno.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// A folder of other queues to measure beside Steno's, such as loadtest/peers of Steno's source.
    #[arg(long, value_name = "FOLDER")]
    peers: Option<PathBuf>,
    /// Print a JSON object a line, for each measurement.
    #[arg(long)]
    json: bool,
}

/// Measures, each queue at each size on a new redis-server with the same settings.
pub(super) async fn queue(arguments: &QueueArguments) -> Result<(), Failure> {
    let mut peers = arguments.peers.as_deref().map(Peer::all_in).transpose()?.unwrap_or_default();
    peers.retain(|peer| arguments.only.is_empty() || arguments.only.contains(&peer.name));
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
        // Of each queue its runs, Steno's first.
        let mut queues: Vec<Vec<Run>> = vec![Vec::new(); peers.len() + 1];
        for _ in 0..arguments.runs {
            let steno = measure_steno(&RedisServer::start()?, load).await?;
            let steno_per_second = steno.done_per_second;
            let others = peers.iter().map(|peer| {
                let figures = peer.measure(&RedisServer::start()?, load);
                // The others are worth knowing all the same.
                figures
                    .inspect_err(|failure| write_line(&format!("{} was not measured: {failure}", peer.name)))
            });
            for (measured, runs) in std::iter::once(Ok(steno)).chain(others).zip(&mut queues) {
                let Ok(figures) = measured else { continue };
                if arguments.json {
                    print_json(&figures)?;
                }
                runs.push(Run { figures, steno_per_second });
            }
        }
        if !arguments.json {
            queues.iter().filter_map(|runs| row(runs)).try_for_each(|row| print(&row))?;
        }
    }
    Ok(())
}

/// A queue's measurement, and how many items Steno had done a second in the same round.
#[derive(Debug, Clone)]
struct Run {
    figures: Figures,
    steno_per_second: f64,
}

fn head() -> String {
    format!(
        "{:<10}{:>10}{:>9}{:>6}{:>12}{:>24}{:>20}{:>12}{:>12}{:>16}{:>26}",
        "queue",
        "items",
        "workers",
        "runs",
        "enqueued/s",
        "done/s",
        "÷ steno",
        "bytes/item",
        "CPU us/item",
        "gap p50/p99 ms",
        "claim p50/p99/p99.9 ms"
    )
}

/// A queue's runs; `None` if there is none.
fn row(runs: &[Run]) -> Option<String> {
    let first = &runs.first()?.figures;
    let spread = |of: &dyn Fn(&Run) -> f64| Spread::of(runs.iter().map(of)).unwrap_or_default();
    let median = |of: fn(&Figures) -> f64| spread(&|run| of(&run.figures)).median;
    let done = spread(&|run| run.figures.done_per_second);
    let ratio = spread(&|run| run.figures.done_per_second / run.steno_per_second.max(1e-9));
    let (done, ratio) = if runs.len() == 1 {
        (format!("{:.0}", done.median), format!("{:.2}", ratio.median))
    } else {
        (
            format!("{:.0} ({:.0}–{:.0})", done.median, done.least, done.greatest),
            format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.least, ratio.greatest),
        )
    };
    let mut out = format!(
        "{:<10}{:>10}{:>9}{:>6}{:>12.0}{done:>24}{ratio:>20}{:>12.0}{:>12.0}",
        first.queue,
        first.items,
        first.workers,
        runs.len(),
        median(|figures| figures.enqueued_per_second),
        median(|figures| figures.bytes_per_item),
        median(|figures| figures.cpu_us_per_item),
    );
    let times = |quantiles: &[fn(&Figures) -> Option<f64>]| -> Option<String> {
        let told = |of: &fn(&Figures) -> Option<f64>| {
            let of_runs: Option<Vec<f64>> = runs.iter().map(|run| of(&run.figures)).collect();
            Some(format!("{:.2}", Spread::of(of_runs?)?.median))
        };
        Some(quantiles.iter().map(told).collect::<Option<Vec<String>>>()?.join("/"))
    };
    let gaps = times(&[|figures| figures.gap_p50_ms, |figures| figures.gap_p99_ms]).unwrap_or_default();
    let claims = times(&[
        |figures| figures.claim_p50_ms,
        |figures| figures.claim_p99_ms,
        |figures| figures.claim_p999_ms,
    ]);
    let _ = write!(out, "{gaps:>16}{:>26}", claims.unwrap_or_default());
    Some(out.trim_end().to_owned())
}
