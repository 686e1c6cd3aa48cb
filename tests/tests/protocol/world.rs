//! Everything at one moment, and what may happen next.

use super::shard::Shard;

/// A worker's identity: its place in the Job, and which life of that place it is. Never the place alone.
pub(crate) type Identity = (u8, u8);
/// A transcript: by whom it was written. Two GPUs, or one twice, may write different text.
pub(crate) type Text = Identity;

/// What a worker is at. It holds one item at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Its process is gone.
    Down,
    /// It has nothing.
    Idle,
    /// It has asked for a lease and heard nothing: it asks again, by the same request.
    Asking,
    /// It works on an item under an epoch.
    Working(usize, u8),
    /// The item's transcript is published, by it or somebody else; it is to say so.
    Published(usize, u8, Option<Text>),
    /// It has said so without having published: only where that guard is out.
    Unpublished(usize),
}

impl Step {
    /// The item that it believes to hold, and under which epoch.
    pub(crate) fn held(self) -> Option<(usize, u8)> {
        match self {
            Self::Working(index, epoch) | Self::Published(index, epoch, _) => Some((index, epoch)),
            Self::Down | Self::Idle | Self::Asking | Self::Unpublished(_) => None,
        }
    }
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    /// Its place, and its life there.
    pub(crate) identity: Identity,
    /// Its last request's number.
    pub(crate) request: u8,
    /// What it is at.
    pub(crate) step: Step,
    /// What was sent last from its place, as long as that may arrive once more.
    pub(crate) said: Option<Said>,
}

/// What a worker has sent to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Said {
    /// It asks for a lease, under its identity and a request's number.
    Claim(Identity, u8),
    /// It is done with an item under an epoch, and which transcript it found there.
    Complete(usize, u8, Text),
    /// An attempt failed, for good or not.
    Fail(usize, u8, bool),
    /// It gives an item back.
    Release(usize, u8),
}

impl Said {
    /// The item that it speaks of, and the epoch.
    pub(crate) fn about(self) -> Option<(usize, u8)> {
        match self {
            Self::Complete(index, epoch, _) | Self::Fail(index, epoch, _) | Self::Release(index, epoch) => {
                Some((index, epoch))
            }
            Self::Claim(..) => None,
        }
    }
}

/// How often each fault may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Budget {
    /// A worker's process dies.
    pub(crate) crashes: u8,
    /// A worker that lives is past its deadline.
    pub(crate) slow: u8,
    /// An answer of Redis is lost on its way.
    pub(crate) lost_answers: u8,
    /// An attempt fails.
    pub(crate) fails: u8,
    /// A worker gives back what it holds.
    pub(crate) releases: u8,
    /// Redis comes back with an older state.
    pub(crate) rollbacks: u8,
    /// Redis comes back empty.
    pub(crate) flushes: u8,
    /// The user puts dead items back.
    pub(crate) requeues: u8,
    /// The user cancels, and submits again.
    pub(crate) cancels: u8,
    /// What a worker has sent last arrives once more, later.
    pub(crate) repeats: u8,
    /// A second process is started in the place of a worker that lives: its node was only out of reach.
    pub(crate) twins: u8,
}

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// A worker asks for a lease; whether it hears the answer.
    Claim(usize, bool),
    /// A worker publishes, or finds what is published.
    Publish(usize),
    /// A worker says that it is done; whether it hears the answer.
    Complete(usize, bool),
    /// A worker says that its attempt failed, for good or not; whether it hears the answer.
    Fail(usize, bool, bool),
    /// A worker gives its item back; whether it hears the answer.
    Release(usize, bool),
    /// A worker's process dies.
    Crash(usize),
    /// Another is started in its place.
    Restart(usize),
    /// An item's deadline passes, and somebody sees it.
    Expire(usize),
    /// An item's wait is over.
    Due(usize),
    /// What Redis holds reaches its disk.
    Save,
    /// Redis is restarted from its disk.
    Rollback,
    /// Redis is restarted without one.
    Flush,
    /// The coordinator looks through the input again.
    Reconcile,
    /// The coordinator finds the transcript of an item that was given up.
    Adopt(usize),
    /// The user requeues an item.
    Requeue(usize),
    /// The user cancels.
    Cancel,
    /// The user submits again.
    Reopen,
    /// What a worker has sent last arrives once more, and nobody hears the answer.
    Repeat(usize),
    /// A second process is started in a worker's place.
    Twin(usize),
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// What Redis holds.
    pub(crate) redis: Shard<Text, Identity>,
    /// What its disk holds.
    pub(crate) disk: Shard<Text, Identity>,
    /// The server's clock; it moves with each lease granted.
    pub(crate) clock: u8,
    /// The transcripts.
    pub(crate) output: Vec<Option<Text>>,
    /// The workers: of each place one, and behind them the second ones.
    pub(crate) workers: Vec<Worker>,
    /// Every lease ever granted, with its holder.
    pub(crate) granted: Vec<(usize, u8, Identity)>,
    /// Whether Redis has lost anything so far, or heard a claim once more that had its answer: then it may take a worker for the
    /// holder of what that knows nothing of.
    pub(crate) misled: bool,
    /// What has gone wrong on the way here, which no state shows any more.
    pub(crate) wrong: Option<super::properties::Wrong>,
    /// Faults that may still happen.
    pub(crate) left: Budget,
}

impl World {
    /// A batch just submitted.
    pub(crate) fn new(items: usize, workers: usize, left: Budget) -> Self {
        let mut redis = Shard::empty(items, workers + usize::from(left.twins));
        (0..items).for_each(|index| redis.enqueue(index));
        let worker = |place| Worker { identity: (place, 0), request: 0, step: Step::Idle, said: None };
        Self {
            disk: redis.clone(),
            redis,
            clock: 1,
            output: vec![None; items],
            workers: (0..u8::try_from(workers).unwrap_or(u8::MAX)).map(worker).collect(),
            granted: Vec::new(),
            misled: false,
            wrong: None,
            left,
        }
    }
}

impl Event {
    /// Whether it happens by itself, sooner or later: it is neither a fault nor a user's wish.
    pub(crate) fn is_by_itself(self) -> bool {
        match self {
            Self::Claim(_, heard) | Self::Complete(_, heard) => heard,
            Self::Publish(_)
            | Self::Restart(_)
            | Self::Expire(_)
            | Self::Due(_)
            | Self::Reconcile
            | Self::Adopt(_) => true,
            Self::Fail(..)
            | Self::Release(..)
            | Self::Crash(_)
            | Self::Save
            | Self::Rollback
            | Self::Flush
            | Self::Requeue(_)
            | Self::Cancel
            | Self::Reopen
            | Self::Repeat(_)
            | Self::Twin(_) => false,
        }
    }

    /// The worker whose word may end a lease.
    pub(crate) fn speaker(self) -> Option<usize> {
        match self {
            Self::Complete(worker, _)
            | Self::Fail(worker, ..)
            | Self::Release(worker, _)
            | Self::Repeat(worker) => Some(worker),
            Self::Claim(..)
            | Self::Publish(_)
            | Self::Crash(_)
            | Self::Restart(_)
            | Self::Expire(_)
            | Self::Due(_)
            | Self::Save
            | Self::Rollback
            | Self::Flush
            | Self::Reconcile
            | Self::Adopt(_)
            | Self::Requeue(_)
            | Self::Cancel
            | Self::Reopen
            | Self::Twin(_) => None,
        }
    }

    /// Whether it is a word that may end a lease, a worker's or a user's.
    pub(crate) fn ends_a_lease(self) -> bool {
        self.speaker().is_some() || matches!(self, Self::Requeue(_))
    }
}
