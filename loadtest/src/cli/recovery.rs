//! `steno-loadtest recovery`, and the worker that it kills.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use steno_coordinator::cli::{print, print_json};
use steno_coordinator::failure::Failure;
use steno_coordinator::progress::write_line;

use crate::queue::{Contender, Peer, Recovery, Settings, hold, recover};
use crate::spread::Spread;

/// Between the starts of two measurements, so that no start is slow for the others'.
const BETWEEN_STARTS: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct RecoveryArguments {
    /// A folder of other queues to measure beside Steno's, such as loadtest/peers of Steno's source.
    #[arg(long, value_name = "FOLDER")]
    peers: Option<PathBuf>,
    /// Only these queues.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Steno's lease, and the others' where they are set to the same, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = clap::value_parser!(u64).range(1..=3600))]
    lease: u64,
    /// Workers of each queue that are killed, each on a redis-server of its own, all at the same time: there is little to do but wait.
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// How long to wait for the item to be taken again, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "900", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
    /// How long the worker that waits has to start, before the other one is killed, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = clap::value_parser!(u64).range(..=600))]
    settle: u64,
    /// Print a JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct HoldArguments {
    /// Where Redis is.
    url: String,
    /// Seconds of the lease.
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    lease: u64,
}

/// Holds an item until it is killed.
pub(super) async fn hold_item(arguments: &HoldArguments) -> Result<(), Failure> {
    hold(&arguments.url, Duration::from_secs(arguments.lease)).await
}

/// Kills workers of each queue, as it comes and set to the same lease.
pub(super) fn recovery(arguments: &RecoveryArguments) -> Result<(), Failure> {
    let peers = arguments.peers.as_deref().map(Peer::all_in).transpose()?.unwrap_or_default();
    let mut contenders = vec![Contender::Steno];
    contenders.extend(peers.into_iter().map(Contender::Peer));
    contenders.retain(|contender| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| name == contender.name())
    });
    // Steno has no other setting than its lease.
    let all: Vec<(&Contender, Settings)> = contenders
        .iter()
        .flat_map(|contender| [(contender, Settings::Tuned), (contender, Settings::Default)])
        .filter(|(contender, settings)| **contender != Contender::Steno || *settings == Settings::Tuned)
        .collect();
    if !arguments.json {
        print(&format!(
            "{:<10}{:>10}{:>7}{:>30}",
            "queue", "settings", "runs", "seconds until it runs again"
        ))?;
    }
    let (lease, wait) = (arguments.lease, Duration::from_secs(arguments.wait));
    let settle = Duration::from_secs(arguments.settle);
    std::thread::scope(|scope| {
        let mut measured = Vec::new();
        for (contender, settings) in all {
            let runs: Vec<_> = (0..arguments.runs)
                .map(|_| {
                    std::thread::sleep(BETWEEN_STARTS);
                    scope.spawn(move || recover(contender, settings, lease, settle, wait))
                })
                .collect();
            measured.push((contender, settings, runs));
        }
        for (contender, settings, runs) in measured {
            let mut recoveries = Vec::new();
            for run in runs {
                match run.join().map_err(|_| Failure::internal("a measurement panicked".to_owned()))? {
                    Ok(recovery) => recoveries.push(recovery),
                    Err(failure) => write_line(&format!("{} was not measured: {failure}", contender.name())),
                }
            }
            show(contender.name(), settings, &recoveries, arguments)?;
        }
        Ok(())
    })
}

fn show(
    name: &str,
    settings: Settings,
    recoveries: &[Recovery],
    arguments: &RecoveryArguments,
) -> Result<(), Failure> {
    if arguments.json {
        return recoveries.iter().try_for_each(print_json);
    }
    let seconds = |recovery: &Recovery| recovery.recovered_after_seconds.unwrap_or(f64::INFINITY);
    let Some(spread) = Spread::of(recoveries.iter().map(seconds)) else { return Ok(()) };
    let told = |seconds: f64| {
        if seconds.is_finite() { format!("{seconds:.1}") } else { format!("over {}", arguments.wait) }
    };
    let all = format!("{} ({}–{})", told(spread.median), told(spread.least), told(spread.greatest));
    let settings = match settings {
        Settings::Default => "default".to_owned(),
        Settings::Tuned => format!("{} s", arguments.lease),
    };
    print(&format!("{name:<10}{settings:>10}{:>7}{all:>30}", recoveries.len()))
}
