//! How long the workers' calls took, from their logs.

use std::collections::BTreeMap;
use std::path::Path;

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
}

impl LatencyFigures {
    fn of(operation: &str, latency: &Latency) -> Self {
        let ms = |share: f64| latency.quantile(share).as_secs_f64() * 1000.0;
        Self {
            operation: operation.to_owned(),
            calls: latency.count(),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            max_ms: latency.max().as_secs_f64() * 1000.0,
        }
    }
}

/// Reads the logs of a run's workers. Workers that were killed have told nothing.
///
/// # Errors
/// If the logs cannot be read.
pub fn read_latencies(logs: &Path) -> Result<Vec<LatencyFigures>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::unusable(format!("failed to read the workers' logs in {}: {error}", logs.display()))
    };
    let mut all: BTreeMap<String, Latency> = BTreeMap::new();
    for entry in std::fs::read_dir(logs).map_err(failed)? {
        let log = std::fs::read(entry.map_err(failed)?.path()).map_err(failed)?;
        for line in String::from_utf8_lossy(&log).lines() {
            if let Some((operation, latency)) = read_line(line) {
                all.entry(operation.to_owned()).or_default().add(&latency);
            }
        }
    }
    Ok(all.iter().map(|(operation, latency)| LatencyFigures::of(operation, latency)).collect())
}

/// Reads a line that `Latencies::log` wrote.
fn read_line(line: &str) -> Option<(&str, Latency)> {
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
        let (operation, latency) = read_line(line).unwrap();
        assert_eq!((operation, latency.count()), ("claim", 3));
        assert!(latency.max().as_millis() >= 9);
        let figures = LatencyFigures::of(operation, &latency);
        assert!((figures.p50_ms - 0.2).abs() < 0.01 && figures.p99_ms > 8.9, "{figures:?}");
        for other in ["", "worker.ended exit=Success", "leases.latency operation=\"claim\" buckets_us=\"x\""]
        {
            assert!(read_line(other).is_none(), "{other}");
        }
    }
}
