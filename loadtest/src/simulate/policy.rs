//! The schedules that are compared.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;
use steno_shared::leases::LeaseLimits;

/// How recordings come to nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// One Indexed Job, a pod a recording: index N takes line N, and each pod starts cold.
    Tutorial,
    /// A pod a node, each with every so-manieth line of the manifest and nothing else.
    StaticShards,
    /// A pod a node, which take the next line from a common queue.
    PullInOrder,
    /// The same, the longest first.
    PullLongest,
    /// Steno: planned shards, longest first, helpers, one recording claimed ahead and given back to whoever waits.
    Steno,
}

impl Policy {
    /// All, from the simplest to Steno.
    pub const ALL: [Self; 5] =
        [Self::Tutorial, Self::StaticShards, Self::PullInOrder, Self::PullLongest, Self::Steno];

    /// Whether leases tell that a node has died; otherwise whoever started it does, at once.
    pub(super) fn has_leases(self) -> bool {
        matches!(self, Self::PullInOrder | Self::PullLongest | Self::Steno)
    }

    /// How many nodes may die with a recording before it is given up.
    pub(super) fn most_deaths(self) -> u32 {
        /// Nothing of what Steno is compared with minds; and yet there must be an end.
        const FOR_EVER: u32 = 100;
        if self == Self::Steno { LeaseLimits::default().max_lost } else { FOR_EVER }
    }

    /// Whether each recording has a pod of its own.
    pub(super) fn starts_cold_each_time(self) -> bool {
        self == Self::Tutorial
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tutorial => "a pod a recording",
            Self::StaticShards => "static shards",
            Self::PullInOrder => "pull in order",
            Self::PullLongest => "pull longest first",
            Self::Steno => "steno",
        })
    }
}
