//! What waits for a node, by policy.

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroU32;

use steno_coordinator::plan::{plan, shards_for};
use steno_shared::ahead::windows_unclaimed;
use steno_shared::ids::ShardId;
use steno_shared::leases::{ShardCounts, shard_order};
use steno_shared::recording::{DurationSource, Recording};

use super::farm::Job;
use super::policy::Policy;

/// Length of a window, as Steno counts them.
pub(super) const WINDOW_SECONDS: usize = 30;

/// What a node takes, where nodes are of unequal speed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Limits {
    /// Seconds that it has at most.
    pub(super) longest: Option<f64>,
    /// Whether some node is slow.
    pub(super) is_any_slow: bool,
}

/// Recordings by their number in the manifest.
#[derive(Debug)]
pub(super) enum Queue {
    /// One queue for all nodes; the least key goes first.
    Common { waiting: BTreeSet<(Reverse<u64>, usize)>, keys: Vec<u64> },
    /// A queue for each node.
    Own(Vec<VecDeque<usize>>),
    /// The shards of a plan.
    Shards(Shards),
}

impl Queue {
    pub(super) fn new(policy: Policy, jobs: &[Job], nodes: usize) -> Self {
        let common = |keys: Vec<u64>| Self::Common {
            waiting: keys.iter().enumerate().map(|(job, key)| (Reverse(*key), job)).collect(),
            keys,
        };
        match policy {
            Policy::Tutorial | Policy::PullInOrder => common(vec![0; jobs.len()]),
            Policy::PullLongest => common(jobs.iter().map(|job| ms(job.predicted)).collect()),
            Policy::StaticShards => {
                let mut own = vec![VecDeque::new(); nodes];
                for job in 0..jobs.len() {
                    own[job % nodes].push_back(job);
                }
                Self::Own(own)
            }
            Policy::StenoWhole | Policy::Steno => Self::Shards(Shards::new(jobs, nodes)),
        }
    }

    /// What a node gets next. `alone` tells that it holds nothing; `lost` how many nodes died with each recording.
    pub(super) fn take(&mut self, node: usize, alone: bool, lost: &[u8], limits: Limits) -> Option<usize> {
        match self {
            Self::Common { waiting, .. } => waiting.pop_first().map(|(_, job)| job),
            Self::Own(own) => own[node].pop_front(),
            Self::Shards(shards) => shards.take(node, alone, lost, limits),
        }
    }

    /// Puts a recording back.
    pub(super) fn put(&mut self, node: usize, job: usize) {
        match self {
            Self::Common { waiting, keys } => {
                waiting.insert((Reverse(keys[job]), job));
            }
            Self::Own(own) => own[node].push_front(job),
            Self::Shards(shards) => shards.put(job),
        }
    }

    /// Whether any node can take anything that waits.
    pub(super) fn is_common(&self) -> bool {
        !matches!(self, Self::Own(_))
    }

    /// Seconds of audio that wait, as far as lengths are known.
    pub(super) fn ready_seconds(&self) -> f64 {
        match self {
            Self::Common { .. } | Self::Own(_) => 0.0,
            Self::Shards(shards) => shards.counts.iter().map(|counts| counts.ready_ms as f64 / 1000.0).sum(),
        }
    }

    /// Windows that can be claimed ahead; `None` where nobody does so.
    pub(super) fn unclaimed(&self) -> Option<u64> {
        match self {
            Self::Common { .. } | Self::Own(_) => None,
            Self::Shards(shards) => Some(windows_unclaimed(&shards.counts, WINDOW_SECONDS)),
        }
    }
}

/// Lease queues, as in Redis: what `claim.lua` and `counts.lua` do to ready items.
#[derive(Debug)]
pub(super) struct Shards {
    ready: Vec<BTreeSet<(u64, usize)>>,
    counts: Vec<ShardCounts>,
    /// Shard and predicted milliseconds of each recording.
    of: Vec<(usize, u64)>,
}

impl Shards {
    fn new(jobs: &[Job], nodes: usize) -> Self {
        let recordings = jobs.iter().enumerate().map(|(index, job)| Recording {
            name: format!("{index:09}"),
            etag: String::new(),
            size_bytes: 0,
            seconds: job.predicted,
            seconds_from: DurationSource::Header,
            part: None,
        });
        let nodes = u32::try_from(nodes).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let shards = shards_for(nodes);
        let planned = plan(recordings.collect(), shards);
        let mut queue = Self {
            ready: vec![BTreeSet::new(); shards.get() as usize],
            counts: (0..shards.get()).map(|shard| ShardCounts::empty(ShardId(shard))).collect(),
            of: vec![(0, 0); jobs.len()],
        };
        for (shard, planned) in planned.into_iter().enumerate() {
            for recording in planned.recordings {
                let Ok(job) = recording.name.parse::<usize>() else { continue };
                queue.of[job] = (shard, ms(recording.seconds));
                queue.put(job);
            }
        }
        queue
    }

    fn put(&mut self, job: usize) {
        let (shard, ms) = self.of[job];
        if self.ready[shard].insert((ms, job)) {
            self.counts[shard].ready += 1;
            self.counts[shard].ready_ms += ms;
            self.counts[shard].longest_ms = self.counts[shard].longest_ms.max(ms);
        }
    }

    fn take(&mut self, node: usize, alone: bool, lost: &[u8], limits: Limits) -> Option<usize> {
        let longest_ms = limits.longest.map_or(u64::MAX, ms);
        let home = ShardId((node % self.counts.len()) as u32);
        for ShardId(shard) in shard_order(home, &self.counts, limits.is_any_slow) {
            let shard = shard as usize;
            // A suspect goes only to a node that holds nothing else.
            let found = self.ready[shard]
                .range(..=(longest_ms, usize::MAX))
                .rev()
                .find(|(_, job)| alone || lost[*job] == 0)
                .copied();
            if let Some((ms, job)) = found {
                self.ready[shard].remove(&(ms, job));
                self.counts[shard].ready -= 1;
                self.counts[shard].ready_ms -= ms;
                self.counts[shard].longest_ms = self.ready[shard].last().map_or(0, |(ms, _)| *ms);
                return Some(job);
            }
        }
        None
    }
}

/// As Redis holds lengths.
fn ms(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}
