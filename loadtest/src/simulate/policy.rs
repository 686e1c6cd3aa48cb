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
    /// Steno with `--split never`: planned shards, longest first, helpers, one recording claimed ahead and given back to whoever waits;
    /// slow nodes leave to others what these are done with sooner.
    StenoWhole,
    /// Steno: the same, with long recordings in parts.
    Steno,
}

impl Policy {
    /// All, from the simplest to Steno.
    pub const ALL: [Self; 6] = [
        Self::Tutorial,
        Self::StaticShards,
        Self::PullInOrder,
        Self::PullLongest,
        Self::StenoWhole,
        Self::Steno,
    ];

    /// Whether it is Steno, with recordings in parts or not.
    pub(super) fn is_steno(self) -> bool {
        matches!(self, Self::StenoWhole | Self::Steno)
    }

    /// Whether leases tell that a node has died; otherwise whoever started it does, at once.
    pub(super) fn has_leases(self) -> bool {
        self.is_steno() || matches!(self, Self::PullInOrder | Self::PullLongest)
    }

    /// How many nodes may die with a recording before it is given up.
    pub(super) fn most_deaths(self) -> u32 {
        /// Nothing of what Steno is compared with minds; and yet there must be an end.
        const FOR_EVER: u32 = 100;
        if self.is_steno() { LeaseLimits::default().max_lost } else { FOR_EVER }
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
            Self::StenoWhole => "steno, recordings whole",
            Self::Steno => "steno",
        })
    }
}
