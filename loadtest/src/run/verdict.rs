//! Limits that a run must keep to, for those who test by it.

use steno_shared::leases::Operation;

use super::measure::Round;

/// What must not be exceeded, as far as it is given.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Makespan over the lower bound.
    pub over_bound: Option<f64>,
    /// Milliseconds of the 99th of a hundred claims.
    pub claim_p99_ms: Option<f64>,
    /// The mean busy share must not be below this.
    pub busy: Option<f64>,
    /// Failed recordings.
    pub failed: Option<u64>,
    /// The word error rate.
    pub wer: Option<f64>,
}

impl Limits {
    /// What a round broke, in words.
    #[must_use]
    pub fn broken_by(&self, round: &Round) -> Vec<String> {
        let claim = round.latency(Operation::Claim);
        // What was not measured keeps no limit.
        let claim_p99_ms = claim.map_or(f64::INFINITY, |latency| latency.p99_ms);
        let above = |limit: Option<f64>, value: f64, what: &str| {
            let limit = limit.filter(|limit| value > *limit)?;
            Some(format!("{what} is {value:.3}, and at most {limit} is wanted"))
        };
        let below = self.busy.filter(|least| round.mean_busy() < *least);
        let wer = round.word_errors.as_ref().map_or(f64::INFINITY, |errors| errors.all.rate);
        let too_many = self.failed.filter(|most| round.failed > *most);
        [
            above(self.over_bound, round.over_bound, "makespan ÷ bound"),
            above(self.claim_p99_ms, claim_p99_ms, "claim p99 in ms"),
            below.map(|least| {
                format!("the workers' busy share is {:.3}, and at least {least} is wanted", round.mean_busy())
            }),
            too_many.map(|most| format!("{} failed, and at most {most} are wanted", round.failed)),
            above(self.wer, wer, "the word error rate"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{LatencyFigures, Samples};
    use crate::word_errors::{ErrorRates, Errors};

    #[test]
    fn each_limit_is_kept_or_named() {
        let claim = LatencyFigures {
            operation: "claim".into(),
            calls: 9,
            p50_ms: 1.0,
            p99_ms: 25.0,
            p999_ms: 30.0,
            max_ms: 31.0,
            curve: Vec::new(),
        };
        let round = Round {
            workers: 2,
            recordings: 9,
            done: 8,
            failed: 1,
            audio_seconds: 90.0,
            wall_seconds: 11.0,
            makespan_seconds: 10.3,
            lower_bound_seconds: 10.0,
            over_bound: 1.03,
            over_load: 1.03,
            predicted_seconds: 10.1,
            busy: vec![0.98, 0.92],
            latencies: vec![claim],
            redis_cpu_seconds: 0.1,
            redis_memory_bytes: 1,
            word_errors: Some(ErrorRates {
                all: Errors { rate: 0.125, ..Errors::default() },
                ..ErrorRates::default()
            }),
            samples: Samples::default(),
        };
        assert_eq!(Limits::default().broken_by(&round), Vec::<String>::new());
        let kept = Limits {
            over_bound: Some(1.04),
            claim_p99_ms: Some(25.0),
            busy: Some(0.95),
            failed: Some(1),
            wer: Some(0.125),
        };
        assert_eq!(kept.broken_by(&round), Vec::<String>::new());
        let broken = Limits {
            over_bound: Some(1.02),
            claim_p99_ms: Some(20.0),
            busy: Some(0.97),
            failed: Some(0),
            wer: Some(0.1),
        };
        let said = broken.broken_by(&round);
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(
            said[0].contains("1.030")
                && said[1].contains("25.000")
                && said[2].contains("0.950")
                && said[4].contains("0.125"),
            "{said:?}"
        );
    }
}
