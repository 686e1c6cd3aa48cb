//! The report of measured runs.

use steno_coordinator::quantities::{audio_seconds, counted, grouped, wall_seconds};

use steno_shared::leases::Operation;

use super::charts::{Series, gantt, lines, tails};
use super::page::{Chart, Page, Table};
use crate::run::{LatencyFigures, Round, Sample};
use crate::word_errors::ErrorRates;

/// The page of the rounds: a row for each, and the pictures of the last one.
#[must_use]
pub fn measured(rounds: &[Round], command: String) -> Page {
    let last = rounds.last();
    let facts = last.map(|round| {
        format!(
            "{}, {} of audio, through the real Steno with its real Redis and worker processes; the pictures show the last of {}.",
            counted(round.recordings, "recording"),
            audio_seconds(round.audio_seconds),
            counted(rounds.len() as u64, "round"),
        )
    });
    Page {
        title: "Steno under load".to_owned(),
        facts: facts
            .into_iter()
            .chain(last.and_then(|round| round.word_errors.as_ref()).map(words))
            .collect(),
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
        "÷ load",
        "simulated",
        "busy",
        "failed",
        "WER",
        "claim p50",
        "p99",
        "p99.9",
        "renew p99",
        "complete p99",
        "Redis CPU",
        "Redis memory",
    ];
    let row = |round: &Round| {
        let latency = |operation, of: fn(&LatencyFigures) -> f64| {
            round.latency(operation).map_or_else(String::new, |latency| format!("{:.2} ms", of(latency)))
        };
        vec![
            round.workers.to_string(),
            time(round.makespan_seconds),
            time(round.lower_bound_seconds),
            format!("{:.3}", round.over_bound),
            format!("{:.3}", round.over_load),
            time(round.predicted_seconds),
            percent(round.mean_busy()),
            grouped(round.failed),
            round.word_errors.as_ref().map_or_else(|| "–".to_owned(), |errors| percent(errors.all.rate)),
            latency(Operation::Claim, |claim| claim.p50_ms),
            latency(Operation::Claim, |claim| claim.p99_ms),
            latency(Operation::Claim, |claim| claim.p999_ms),
            latency(Operation::Renew, |renew| renew.p99_ms),
            latency(Operation::Complete, |complete| complete.p99_ms),
            format!("{:.2} s", round.redis_cpu_seconds),
            format!("{:.1} MiB", mebibytes(round.redis_memory_bytes)),
        ]
    };
    Table { head: head.map(str::to_owned).to_vec(), rows: rounds.iter().map(row).collect() }
}

/// How many words are wrong, in a sentence.
fn words(rates: &ErrorRates) -> String {
    let rates: Vec<String> =
        rates.rows().iter().map(|(name, errors)| format!("{name} {}", percent(errors.rate))).collect();
    format!("Word error rate of the last round: {}.", rates.join(", "))
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
            title: "Calls to Redis".to_owned(),
            caption: "How long workers waited for answers, from the quickest to the slowest; each mark leaves a tenth of the calls to its right."
                .to_owned(),
            svg: tails(&round.latencies.iter().enumerate().map(calls).collect::<Vec<_>>()),
        },
        Chart {
            title: "Redis".to_owned(),
            caption: "Memory that its data takes.".to_owned(),
            svg: lines(&[line("memory", 4, &|sample| mebibytes(sample.redis.memory_bytes))], "MiB"),
        },
    ]
}

/// How long calls of one kind took; of the third colour and the ones that follow it.
fn calls((index, latency): (usize, &LatencyFigures)) -> Series {
    Series {
        name: format!("{} ({})", latency.operation, grouped(latency.calls)),
        points: latency.curve.clone(),
        colour: index + 2,
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn time(seconds: f64) -> String {
    if seconds < 100.0 { format!("{seconds:.1} s") } else { wall_seconds(seconds) }
}
