//! The options of a backlog whose lengths are drawn.

use clap::Args;
use steno_coordinator::failure::Failure;

use crate::lengths::Lengths;

/// Recordings of a made-up backlog.
const RECORDINGS_MAX: i64 = 5_000_000;

/// Seeds after it are used as well.
const SEED_MAX: u64 = u64::MAX >> 1;

#[derive(Debug, Args)]
pub(super) struct DrawnArguments {
    /// What lengths are drawn from, in seconds: lognormal:MEDIAN,SIGMA, pareto:MIN,ALPHA, bimodal:SHORT,LONG,SHARE,
    /// uniform:MIN,MAX or like:MANIFEST.
    #[arg(long, value_name = "DISTRIBUTION", default_value = "pareto:60,1.3")]
    pub(super) lengths: Lengths,
    /// How many recordings are drawn.
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..=RECORDINGS_MAX))]
    pub(super) recordings: u32,
    /// The same seed draws the same lengths.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(..=SEED_MAX))]
    pub(super) seed: u64,
}

impl DrawnArguments {
    /// The lengths in seconds.
    pub(super) fn seconds(&self) -> Result<Vec<f64>, Failure> {
        let sampler = self.lengths.sampler().map_err(Failure::usage)?;
        Ok(sampler.backlog(self.seed, self.recordings as usize))
    }
}
