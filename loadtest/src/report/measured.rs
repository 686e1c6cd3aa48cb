//! The report of measured runs.

use std::time::Duration;

use steno_coordinator::quantities::{audio, counted, grouped, wall};

use super::charts::{Series, gantt, lines};
use super::page::{Chart, Page, Table};
use crate::run::{Round, Sample};

/// The page of the rounds: a row for each, and the pictures of the last one.
#[must_use]
pub fn measured(rounds: &[Round], command: String) -> Page {
    let last = rounds.last();
    let facts = last.map(|round| {
        format!(
            "{}, {} of audio, through the real Steno with its real Redis and worker processes; the pictures show the last of {}.",
            counted(round.recordings, "recording"),
            audio((round.audio_seconds * 1000.0) as u64),
            counted(rounds.len() as u64, "round"),
        )
    });
    Page {
        title: "Steno under load".to_owned(),
        facts: facts.into_iter().collect(),
        table: table(rounds),
        charts: last.map(charts).unwrap_or_default(),
        command,
    }
}

fn table(rounds: &[Round]) -> Table {
    let head = [
        "workers",
        "makespan",
        "bound",
        "÷ bound",
        "simulated",
        "busy",
        "failed",
        "claim p50",
        "p99",
        "p99.9",
        "renew p99",
        "complete p99",
        "Redis CPU",
        "Redis memory",
    ];
    let row = |round: &Round| {
        let latency = |operation: &str, of: fn(&crate::run::LatencyFigures) -> f64| {
            let found = round.latencies.iter().find(|latency| latency.operation == operation);
            found.map_or_else(String::new, |latency| format!("{:.2} ms", of(latency)))
        };
        vec![
            round.workers.to_string(),
            time(round.makespan_seconds),
            time(round.lower_bound_seconds),
            format!("{:.3}", round.over_bound),
            time(round.predicted_seconds),
            format!("{:.1}%", round.mean_busy() * 100.0),
            grouped(round.failed),
            latency("claim", |claim| claim.p50_ms),
            latency("claim", |claim| claim.p99_ms),
            latency("claim", |claim| claim.p999_ms),
            latency("renew", |renew| renew.p99_ms),
            latency("complete", |complete| complete.p99_ms),
            format!("{:.2} s", round.redis_cpu_seconds),
            format!("{:.1} MiB", mebibytes(round.redis_memory_bytes)),
        ]
    };
    Table { head: head.map(str::to_owned).to_vec(), rows: rounds.iter().map(row).collect() }
}

fn charts(round: &Round) -> Vec<Chart> {
    let begin = round.samples.begin().unwrap_or_default();
    let line = |name: &str, colour: usize, of: &dyn Fn(&Sample) -> f64| Series {
        name: name.to_owned(),
        points: round
            .samples
            .0
            .iter()
            .filter(|sample| sample.at >= begin)
            .map(|sample| ((sample.at - begin).as_secs_f64(), of(sample)))
            .collect(),
        colour,
    };
    vec![
        Chart {
            title: format!("{}: {}", counted(round.workers.into(), "worker"), time(round.makespan_seconds)),
            caption:
                "What each worker does, as it was looked at five times a second. Blue works, grey is idle."
                    .to_owned(),
            svg: gantt(round.workers as usize, &round.samples.bars(), round.makespan_seconds),
        },
        Chart {
            title: "Recordings".to_owned(),
            caption: "Those that wait in Redis, and those that workers hold.".to_owned(),
            svg: lines(
                &[
                    line("ready", 2, &|sample| sample.totals.ready as f64),
                    line("leased", 4, &|sample| sample.totals.leased as f64),
                ],
                "recordings",
            ),
        },
        Chart {
            title: "Redis".to_owned(),
            caption: "Memory that its data takes.".to_owned(),
            svg: lines(&[line("memory", 4, &|sample| mebibytes(sample.redis.memory_bytes))], "MiB"),
        },
    ]
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn time(seconds: f64) -> String {
    if seconds < 100.0 {
        format!("{seconds:.1} s")
    } else {
        wall(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }
}
