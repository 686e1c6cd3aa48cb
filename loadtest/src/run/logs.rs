//! What the workers' logs tell of a run: when it began and ended, and how long their calls took.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use steno_coordinator::failure::Failure;
use steno_shared::leases::Latency;

/// Times of one kind of call, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "quantiles by their names")]
pub struct LatencyFigures {
    /// `claim`, `renew` or `complete`.
    pub operation: String,
    /// How many.
    pub calls: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    /// How long the calls took, from the shortest to the longest: the share of all that took longer, and milliseconds.
    #[serde(skip)]
    pub curve: Vec<(f64, f64)>,
}

impl LatencyFigures {
    fn of(operation: &str, latency: &Latency) -> Self {
        Self {
            operation: operation.to_owned(),
            calls: latency.count(),
            p50_ms: latency.quantile_ms(0.5),
            p99_ms: latency.quantile_ms(0.99),
            p999_ms: latency.quantile_ms(0.999),
            max_ms: latency.max_ms(),
            curve: latency.curve(),
        }
    }
}

/// What the logs of a run's workers tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// From the first claim to the last transcript.
    pub makespan: Duration,
    /// Seconds that the engine of each place has computed, by its place: processes that followed each other are added up. Of a
    /// process that was killed nothing is known.
    pub busy_seconds: Vec<f64>,
    /// The workers' calls. Workers that were killed have told nothing.
    pub latencies: Vec<LatencyFigures>,
}

/// What a worker wrote, and its place among the workers, from 0.
pub(super) struct Log {
    pub(super) place: usize,
    pub(super) text: String,
}

/// Reads the logs of a run's workers on this machine, one after the other.
///
/// # Errors
/// If they cannot be read.
pub(super) fn logs_in(folder: &Path) -> Result<Vec<Log>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::unusable(format!("failed to read the workers' logs in {}: {error}", folder.display()))
    };
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Some(place) = place_of(&entry.file_name().to_string_lossy()) else { continue };
        let log = std::fs::read(entry.path()).map_err(failed)?;
        logs.push(Log { place, text: String::from_utf8_lossy(&log).into_owned() });
    }
    Ok(logs)
}

impl Told {
    /// What these logs tell together.
    pub(super) fn of(logs: Vec<Log>) -> Self {
        let mut all: BTreeMap<String, Latency> = BTreeMap::new();
        let (mut first, mut last) = (None::<Timestamp>, None::<Timestamp>);
        let mut busy = BTreeMap::<usize, f64>::new();
        for Log { place, text } in logs {
            let busy = busy.entry(place).or_default();
            for line in text.lines() {
                if let Some((operation, latency)) = read_latency(line) {
                    all.entry(operation.to_owned()).or_default().add(&latency);
                } else if let Some((_, fields)) = line.split_once(" engine.time busy_seconds=") {
                    *busy += fields
                        .split_whitespace()
                        .next()
                        .and_then(|text| text.parse::<f64>().ok())
                        .unwrap_or_default();
                } else if line.contains(" recording.claimed ") {
                    first = [first, time_of(line)].into_iter().flatten().min();
                } else if line.contains(" transcript.published ") {
                    last = last.max(time_of(line));
                }
            }
        }
        let makespan =
            first.zip(last).and_then(|(first, last)| Duration::try_from(last.duration_since(first)).ok());
        Self {
            makespan: makespan.unwrap_or_default(),
            busy_seconds: busy.into_values().collect(),
            latencies: all
                .iter()
                .map(|(operation, latency)| LatencyFigures::of(operation, latency))
                .collect(),
        }
    }
}

/// The place of the worker whose log is called so.
fn place_of(name: &str) -> Option<usize> {
    name.strip_prefix("worker-")?.strip_suffix(".log")?.parse().ok()
}

/// When a line was written.
fn time_of(line: &str) -> Option<Timestamp> {
    line.split_whitespace().next()?.parse().ok()
}

/// Reads a line that `Latencies::log` wrote.
fn read_latency(line: &str) -> Option<(&str, Latency)> {
    let (_, fields) = line.split_once("leases.latency ")?;
    let quoted =
        |name: &str| fields.split_once(name)?.1.strip_prefix("=\"")?.split_once('"').map(|(value, _)| value);
    Some((quoted("operation")?, Latency::from_buckets(quoted("buckets_us")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_last_lines_are_read_and_others_passed_over() {
        let line = "2026-11-28T13:52:34Z  INFO steno_shared::leases::latency: leases.latency operation=\"claim\" calls=3 p50_ms=0.2 \
                    p99_ms=9.0 max_ms=9.0 buckets_us=\"200:2 9000:1\"";
        let (operation, latency) = read_latency(line).unwrap();
        assert_eq!((operation, latency.count()), ("claim", 3));
        assert!(latency.max_ms() >= 9.0);
        let figures = LatencyFigures::of(operation, &latency);
        assert!((figures.p50_ms - 0.2).abs() < 0.01 && figures.p99_ms > 8.9, "{figures:?}");
        let shares: Vec<f64> = figures.curve.iter().map(|(longer, _)| (longer * 3.0).round()).collect();
        assert_eq!(shares, [1.0, 0.0], "{figures:?}");
        for other in ["", "worker.ended exit=Success", "leases.latency operation=\"claim\" buckets_us=\"x\""]
        {
            assert!(read_latency(other).is_none(), "{other}");
        }
    }

    fn read(folder: &Path) -> Told {
        Told::of(logs_in(folder).unwrap())
    }

    #[test]
    fn a_run_lasts_from_its_first_claim_to_its_last_transcript() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "worker-0.log",
            "2026-01-31T23:59:58.500Z  INFO steno_worker::feed: recording.claimed name=\"a\" attempt=1\n\
            2026-01-31T23:59:59.000Z  INFO steno_worker::finish: transcript.published name=\"a\" ours=true\nnot a line\n",
        );
        write(
            "worker-1.log",
            "2026-01-31T23:59:59.000Z  INFO steno_worker::feed: recording.claimed name=\"b\" attempt=1\n\
            2026-02-01T00:00:01.750Z  INFO steno_worker::finish: transcript.published name=\"b\" ours=true\n",
        );
        assert_eq!(read(folder.path()).makespan, Duration::from_millis(3_250));
        let time = "2026-01-31T23:59:59Z  INFO steno_worker::heartbeat: engine.time busy_seconds=1.5 engine_seconds=2.0\n";
        write("worker-0.log", &time.repeat(2));
        write("worker-1.log", time);
        write("redis.log", time);
        let told = Told { busy_seconds: vec![3.0, 1.5], ..Told::default() };
        assert_eq!(read(folder.path()), told);
        assert!(logs_in(&folder.path().join("none")).is_err());
    }
}
