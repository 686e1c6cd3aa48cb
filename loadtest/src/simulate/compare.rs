//! Several schedules on several backlogs, side by side.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand_distr::{Distribution as _, LogNormal};
use serde::Serialize;

use super::course::simulate;
use super::farm::{Farm, Faults, Job};
use super::outcome::Outcome;
use super::policy::Policy;
use crate::lengths::Sampler;
use crate::spread::Spread;

/// Where the recordings come from.
#[derive(Debug, Clone)]
pub enum Backlog {
    /// These lengths in seconds, in this order.
    Given(Vec<f64>),
    /// So many, drawn anew for each seed.
    Drawn {
        /// What they are drawn from.
        lengths: Sampler,
        /// How many.
        recordings: usize,
    },
}

/// What is compared.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The recordings.
    pub backlog: Backlog,
    /// The nodes; what is random about them follows from each run's seed.
    pub farm: Farm,
    /// The schedules.
    pub policies: Vec<Policy>,
    /// Standard deviation of the natural logarithm of predicted over true length; 0 if lengths are known.
    pub prediction_error: f64,
    /// A run for each.
    pub seeds: Vec<u64>,
    /// What a node costs an hour, if that is known.
    pub price: Option<f64>,
}

/// A run of one schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Which schedule.
    pub policy: Policy,
    /// The seed of its backlog.
    pub seed: u64,
    /// No schedule that leaves recordings whole ends before this many seconds.
    pub lower_bound: f64,
    /// No schedule at all ends before this many seconds.
    pub load_bound: f64,
    /// What it came to.
    pub outcome: Outcome,
}

impl Run {
    /// Makespan over the lower bound; 1 where there is nothing to do.
    #[must_use]
    pub fn over_bound(&self) -> f64 {
        if self.lower_bound > 0.0 { self.outcome.makespan / self.lower_bound } else { 1.0 }
    }

    /// Makespan over the mean load; 1 where there is nothing to do.
    #[must_use]
    pub fn over_load(&self) -> f64 {
        if self.load_bound > 0.0 { self.outcome.makespan / self.load_bound } else { 1.0 }
    }
}

/// What a schedule's runs came to: medians, and the least and greatest of the ratio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Which schedule.
    pub policy: Policy,
    /// Seconds until the last recording was done.
    pub makespan_seconds: f64,
    /// The same over the lower bound.
    pub over_bound: f64,
    /// The least of all runs.
    pub over_bound_least: f64,
    /// The greatest of all runs.
    pub over_bound_greatest: f64,
    /// Makespan over the mean load.
    pub over_load: f64,
    /// The greatest of all runs.
    pub over_load_greatest: f64,
    /// The share of the nodes' time, to the end of the batch, in which no recording got on.
    pub idle_share: f64,
    /// Hours that nodes were there.
    pub node_hours: f64,
    /// Hours of nodes spent on recordings whose node died meanwhile.
    pub begun_again_hours: f64,
    /// Recordings that were given up, in the run with the most.
    pub given_up: usize,
    /// What the node hours cost, if their price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

impl Comparison {
    /// The recordings of a seed.
    #[must_use]
    pub fn jobs(&self, seed: u64) -> Vec<Job> {
        let seconds = match &self.backlog {
            Backlog::Given(seconds) => seconds.clone(),
            Backlog::Drawn { lengths, recordings } => lengths.backlog(seed, *recordings),
        };
        // Another stream of random numbers than the lengths have.
        let mut random = StdRng::seed_from_u64(!seed);
        let wrong = LogNormal::new(0.0, self.prediction_error).ok().filter(|_| self.prediction_error > 0.0);
        let predicted = |seconds: f64, random: &mut StdRng| {
            wrong.map_or(seconds, |factor| seconds * factor.sample(random))
        };
        seconds
            .into_iter()
            .map(|seconds| Job { seconds, predicted: predicted(seconds, &mut random) })
            .collect()
    }

    /// The nodes of a seed.
    #[must_use]
    pub fn farm(&self, seed: u64) -> Farm {
        Farm { faults: self.farm.faults.map(|faults| Faults { seed, ..faults }), ..self.farm.clone() }
    }

    /// Plays everything; spans are kept of the first seed's runs.
    #[must_use]
    pub fn play(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for (index, &seed) in self.seeds.iter().enumerate() {
            let (jobs, farm) = (self.jobs(seed), self.farm(seed));
            let (lower_bound, load_bound) = (farm.lower_bound(&jobs), farm.load_bound(&jobs));
            for &policy in &self.policies {
                let outcome = simulate(policy, &jobs, &farm, index == 0);
                runs.push(Run { policy, seed, lower_bound, load_bound, outcome });
            }
        }
        runs
    }

    /// A row for each schedule.
    #[must_use]
    pub fn rows(&self, runs: &[Run]) -> Vec<Row> {
        let nodes = self.farm.speeds.len();
        let row = |&policy: &Policy| {
            let of = |value: &dyn Fn(&Run) -> f64| {
                let values = runs.iter().filter(|run| run.policy == policy).map(value);
                Spread::of(values).unwrap_or_default()
            };
            let (bound, load) = (of(&Run::over_bound), of(&Run::over_load));
            let node_hours = of(&|run| run.outcome.nodes / 3600.0).median;
            Row {
                policy,
                makespan_seconds: of(&|run| run.outcome.makespan).median,
                over_bound: bound.median,
                over_bound_least: bound.least,
                over_bound_greatest: bound.greatest,
                over_load: load.median,
                over_load_greatest: load.greatest,
                idle_share: of(&|run| run.outcome.idle_share(nodes)).median,
                node_hours,
                begun_again_hours: of(&|run| run.outcome.begun_again / 3600.0).median,
                given_up: of(&|run| run.outcome.given_up as f64).greatest as usize,
                cost: self.price.map(|price| price * node_hours),
            }
        };
        self.policies.iter().map(row).collect()
    }
}
