//! How long calls took, as their caller saw it: with the way there and back, and all tries.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use redis::Script;

use super::scripts::{CLAIM, COMPLETE, RENEW};

/// A call whose time matters to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// [`Leases::claim`](super::Leases::claim).
    Claim,
    /// [`Leases::renew`](super::Leases::renew), for a shard.
    Renew,
    /// [`Leases::complete`](super::Leases::complete).
    Complete,
}

impl Operation {
    /// All.
    pub const ALL: [Self; 3] = [Self::Claim, Self::Renew, Self::Complete];

    /// As it is logged.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Renew => "renew",
            Self::Complete => "complete",
        }
    }

    pub(super) fn of(script: &Script) -> Option<Self> {
        let is = |other: &Script| script.get_hash() == other.get_hash();
        if is(&CLAIM) {
            Some(Self::Claim)
        } else if is(&RENEW) {
            Some(Self::Renew)
        } else if is(&COMPLETE) {
            Some(Self::Complete)
        } else {
            None
        }
    }
}

/// What takes longer is noted as this: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Times of answered calls in microseconds, to two digits.
#[derive(Debug, Clone)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "these are bounds that the library takes")]
        Self(Histogram::new_with_bounds(1, LONGEST_US, 2).expect("two digits up to an hour"))
    }
}

impl Latency {
    /// Notes a call.
    pub fn note(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Takes another one's calls in.
    pub fn add(&mut self, other: &Self) {
        for bucket in other.0.iter_recorded() {
            self.0.saturating_record_n(bucket.value_iterated_to(), bucket.count_at_value());
        }
    }

    /// Calls.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Milliseconds that this share of all calls, 0 to 1, took at most.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1000.0
    }

    /// Milliseconds of the longest.
    #[must_use]
    pub fn max_ms(&self) -> f64 {
        self.0.max() as f64 / 1000.0
    }

    /// For each length of a call, from the shortest: the share of all calls, 0 to 1, that took longer, and its milliseconds.
    #[must_use]
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let all = self.count().max(1) as f64;
        let mut left = self.count();
        let mut longer = |calls: u64| {
            left = left.saturating_sub(calls);
            left as f64 / all
        };
        self.0
            .iter_recorded()
            .map(|bucket| (longer(bucket.count_at_value()), bucket.value_iterated_to() as f64 / 1000.0))
            .collect()
    }

    /// All of it as text: pairs of microseconds and calls.
    #[must_use]
    pub fn buckets(&self) -> String {
        let mut out = String::new();
        for bucket in self.0.iter_recorded() {
            let space = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{space}{}:{}", bucket.value_iterated_to(), bucket.count_at_value());
        }
        out
    }

    /// What [`buckets`](Self::buckets) wrote; `None` of anything else.
    #[must_use]
    pub fn from_buckets(text: &str) -> Option<Self> {
        let mut latency = Self::default();
        for pair in text.split_whitespace() {
            let (micros, calls) = pair.split_once(':')?;
            latency.0.saturating_record_n(micros.parse().ok()?, calls.parse().ok()?);
        }
        Some(latency)
    }
}

/// The times of one connection's calls.
#[derive(Debug, Default)]
pub struct Latencies(Mutex<[Latency; Operation::ALL.len()]>);

impl Latencies {
    pub(super) fn note(&self, operation: Operation, took: Duration) {
        self.lock()[operation as usize].note(took);
    }

    /// Those of one kind, so far.
    #[must_use]
    pub fn of(&self, operation: Operation) -> Latency {
        self.lock()[operation as usize].clone()
    }

    /// Logs those that there were: what `steno-loadtest run` reads.
    pub fn log(&self) {
        for operation in Operation::ALL {
            let latency = self.of(operation);
            if latency.count() > 0 {
                tracing::info!(
                    operation = operation.name(),
                    calls = latency.count(),
                    p50_ms = latency.quantile_ms(0.5),
                    p99_ms = latency.quantile_ms(0.99),
                    max_ms = latency.max_ms(),
                    buckets_us = latency.buckets(),
                    "leases.latency"
                );
            }
        }
    }

    /// Every critical section is an addition: the data is valid even if a holder panicked.
    fn lock(&self) -> MutexGuard<'_, [Latency; Operation::ALL.len()]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_add_up_and_come_through_a_log() {
        let latencies = Latencies::default();
        for millis in 1..=100 {
            latencies.note(Operation::Claim, Duration::from_millis(millis));
        }
        latencies.note(Operation::Renew, Duration::from_secs(9_000));
        let claims = latencies.of(Operation::Claim);
        let about = |ms: f64, wanted: f64| (ms / wanted - 1.0).abs() < 0.02;
        assert_eq!((claims.count(), latencies.of(Operation::Complete).count()), (100, 0));
        assert!(
            about(claims.quantile_ms(0.5), 50.0)
                && about(claims.quantile_ms(0.99), 99.0)
                && about(claims.max_ms(), 100.0)
        );
        let curve = claims.curve();
        let tenth = curve.iter().find(|(longer, _)| *longer <= 0.1).unwrap();
        assert!(about(tenth.1, 90.0) && curve.last().is_some_and(|last| last.0 == 0.0), "{curve:?}");
        let mut read = Latency::from_buckets(&claims.buckets()).unwrap();
        assert_eq!((read.count(), read.quantile_ms(0.99)), (100, claims.quantile_ms(0.99)));
        read.add(&latencies.of(Operation::Renew));
        assert_eq!(read.count(), 101);
        assert!(about(read.max_ms(), 3_600_000.0), "{}", read.max_ms());
        assert!(Latency::from_buckets("1:2 x:3").is_none() && Latency::from_buckets("").is_some());
    }

    #[test]
    fn operations_are_known_by_their_scripts() {
        assert_eq!(Operation::of(&CLAIM), Some(Operation::Claim));
        assert_eq!(Operation::of(&RENEW), Some(Operation::Renew));
        assert_eq!(Operation::of(&COMPLETE), Some(Operation::Complete));
        assert_eq!(Operation::of(&super::super::scripts::COUNTS), None);
    }
}
